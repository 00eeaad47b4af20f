package apply

import (
	"context"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// collection is a kind's list and watch, in one namespace or in all.
type collection struct {
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
	// selectors bound what is listed and watched.
	labels, fields string
}

// follow keeps a store up to date with a collection until ctx ends. Lost
// connections are made again.
func (c collection) follow(ctx context.Context, example any, store cache.ReflectorStore) {
	bound := func(options *metav1.ListOptions) {
		options.LabelSelector, options.FieldSelector = c.labels, c.fields
	}
	silent := logr.Discard()
	reflector := cache.NewReflectorWithOptions(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			bound(&options)
			return c.list(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			bound(&options)
			return c.watch(ctx, options)
		},
	}, example, store, cache.ReflectorOptions{Logger: &silent, Name: "slipway", TypeDescription: "objects"})
	reflector.RunWithContext(ctx)
}
