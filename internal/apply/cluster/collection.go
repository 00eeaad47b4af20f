package cluster

import (
	"context"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// Collection is a kind's list and watch, in one namespace or in all.
type Collection struct {
	List  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	Watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
	// selectors bound what is listed and watched.
	Labels, Fields string
}

// Follow keeps a store up to date with a collection until ctx ends. Lost
// connections are made again.
func (c Collection) Follow(ctx context.Context, example any, store cache.ReflectorStore) {
	bound := func(options *metav1.ListOptions) {
		options.LabelSelector, options.FieldSelector = c.Labels, c.Fields
	}
	silent := logr.Discard()
	reflector := cache.NewReflectorWithOptions(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			bound(&options)
			return c.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			bound(&options)
			return c.Watch(ctx, options)
		},
	}, example, store, cache.ReflectorOptions{Logger: &silent, Name: "slipway", TypeDescription: "objects"})
	reflector.RunWithContext(ctx)
}
