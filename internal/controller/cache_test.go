package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// What the watch cache keeps of an object, its strings included. A finished release
// as the API server sends it takes 9,500 bytes.
func TestCachedObjectsStaySmall(t *testing.T) {
	tests := map[string]struct {
		object func(number int64) client.Object
		into   func() client.Object
		limit  int // bytes each
	}{
		"release": {
			func(i int64) client.Object { return releasetest.Finished(releasetest.Stage(i%1000), i%1000, i/1000+1) },
			func() client.Object { return &v1alpha1.Release{} }, 1800,
		},
		"stage": {
			func(i int64) client.Object { return releasetest.Stage(i) },
			func() client.Object { return &v1alpha1.Stage{} }, 3500,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			const objects = 10_000
			transform := transformOf(tt.into())
			kept := make([]any, objects)
			before := heapBytes()
			for i := range kept {
				encoded, err := json.Marshal(tt.object(int64(i)))
				if err != nil {
					t.Fatal(err)
				}
				decoded := tt.into()
				if err := json.Unmarshal(encoded, decoded); err != nil {
					t.Fatal(err)
				}
				if kept[i], err = transform(decoded); err != nil {
					t.Fatal(err)
				}
			}
			each := int(heapBytes()-before) / objects
			t.Logf("%d bytes each", each)
			if each > tt.limit {
				t.Errorf("a cached %s takes %d bytes, more than %d", name, each, tt.limit)
			}
			runtime.KeepAlive(kept)
		})
	}
}

// Releases come in pages, each slim before the next is asked for.
func TestReleasesComeInPages(t *testing.T) {
	stage := releasetest.Stage(1)
	var asked []string
	lw := &toolscache.ListWatch{
		ListWithContextFunc: func(_ context.Context, options metav1.ListOptions) (kruntime.Object, error) {
			asked = append(asked, fmt.Sprintf("version %q limit %t continue %q", options.ResourceVersion, options.Limit > 0, options.Continue))
			page := &v1alpha1.ReleaseList{ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "next"}, Items: []v1alpha1.Release{*releasetest.Finished(stage, 1, 1)}}
			if options.Continue != "" {
				page.Continue, page.Items[0] = "", *releasetest.Finished(stage, 1, 2)
			}
			return page, nil
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return watch.NewFake(), nil },
	}
	informer := CacheOptions().NewInformer(lw, &v1alpha1.Release{}, 0, toolscache.Indexers{})
	go informer.RunWithContext(t.Context())
	if !toolscache.WaitForCacheSync(t.Context().Done(), informer.HasSynced) {
		t.Fatal("the informer has not synced")
	}
	if diff := cmp.Diff([]string{`version "" limit true continue ""`, `version "" limit true continue "next"`}, asked); diff != "" {
		t.Errorf("lists (-want +got):\n%s", diff)
	}
	kept := informer.GetStore().List()
	if len(kept) != 2 {
		t.Errorf("%d releases are kept, want 2", len(kept))
	}
	for _, object := range kept {
		if rel, is := object.(*v1alpha1.Release); !is || !release.IsSlim(rel) || rel.ManagedFields != nil {
			t.Errorf("kept is %+v", object)
		}
	}
}

// transformOf returns what the cache does to objects of a kind before it keeps them.
func transformOf(object client.Object) toolscache.TransformFunc {
	options := CacheOptions()
	for kind, by := range options.ByObject {
		if reflect.TypeOf(kind) == reflect.TypeOf(object) {
			return by.Transform
		}
	}
	return options.DefaultTransform
}

// heapBytes returns how many bytes are in use.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
