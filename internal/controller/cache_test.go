package controller

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
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

// Releases come in one answer, and each is slim before the next is read.
func TestReleasesComeInAStream(t *testing.T) {
	stage := releasetest.Stage(1)
	unfinished := releasetest.Finished(stage, 1, 3)
	unfinished.Status.Phase = v1alpha1.PhaseBuilding
	list := v1alpha1.ReleaseList{
		ListMeta: metav1.ListMeta{ResourceVersion: "7"},
		Items:    []v1alpha1.Release{*releasetest.Finished(stage, 1, 1), *releasetest.Finished(stage, 1, 2), *unfinished},
	}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		w.Header().Set("Content-Type", "application/json")
		if len(asked) == 1 {
			w.WriteHeader(http.StatusTooManyRequests) // which is tried again
			return
		}
		_ = json.NewEncoder(w).Encode(list)
	}))
	t.Cleanup(server.Close)
	var watched []string
	lw := &toolscache.ListWatch{WatchFuncWithContext: func(_ context.Context, options metav1.ListOptions) (watch.Interface, error) {
		watched = append(watched, options.ResourceVersion)
		return watch.NewFake(), nil
	}}
	informer := CacheOptions(&rest.Config{Host: server.URL}, "").NewInformer(lw, &v1alpha1.Release{}, 0, toolscache.Indexers{})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { informer.RunWithContext(ctx) })
	if !toolscache.WaitForCacheSync(t.Context().Done(), informer.HasSynced) {
		t.Fatal("the informer has not synced")
	}
	kept := informer.GetStore().List()
	stop()
	running.Wait()
	const path = "/apis/slipway.dev/v1alpha1/releases"
	if diff := cmp.Diff([]string{path, path}, asked); diff != "" {
		t.Errorf("lists (-want +got):\n%s", diff)
	}
	if len(watched) > 0 && watched[0] != "7" {
		t.Errorf("it watches from version %v", watched)
	}
	if len(kept) != 3 {
		t.Errorf("%d releases are kept, want 3", len(kept))
	}
	for _, object := range kept {
		rel, is := object.(*v1alpha1.Release)
		if !is || release.IsSlim(rel) != rel.Status.Phase.Done() || rel.ManagedFields != nil {
			t.Errorf("kept is %+v", object)
		}
	}
}

// transformOf returns what the cache does to objects of a kind before it keeps them.
func transformOf(object client.Object) toolscache.TransformFunc {
	options := CacheOptions(&rest.Config{}, "")
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
