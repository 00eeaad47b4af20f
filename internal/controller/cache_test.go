package controller

import (
	"encoding/json"
	"reflect"
	"runtime"
	"testing"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
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
	return int64(stats.HeapAlloc) //nolint:gosec // no heap is that large
}
