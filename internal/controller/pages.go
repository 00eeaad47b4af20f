package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

// newInformer returns an informer of the watch cache; that of releases lists them in
// pages.
func newInformer(lw cache.ListerWatcher, object runtime.Object, resync time.Duration, indexers cache.Indexers) cache.SharedIndexInformer {
	if _, is := object.(*v1alpha1.Release); is {
		lw = inPages(cache.ToListerWatcherWithContext(lw))
	}
	return cache.NewSharedIndexInformer(lw, object, resync, indexers)
}

// inPages lists releases page by page and makes each page slim before the next is
// read. Otherwise an informer asks for a stream of events, which costs twice the
// processor time: each event is decoded as such, and its object once more.
func inPages(lw cache.ListerWatcherWithContext) cache.ListerWatcher {
	list := func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		if options.ResourceVersion == "0" {
			options.ResourceVersion = "" // the API server gives any version of its cache whole
		}
		page, err := lw.ListWithContext(ctx, options)
		if releases, is := page.(*v1alpha1.ReleaseList); is {
			for i := range releases.Items {
				releases.Items[i] = *release.SlimRelease(&releases.Items[i])
			}
		}
		return page, err
	}
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{ListWithContextFunc: list, WatchFuncWithContext: lw.WatchWithContext}, listsFirst{})
}

// listsFirst tells an informer not to ask for a stream.
type listsFirst struct{}

// IsWatchListSemanticsUnSupported is what an informer asks for.
func (listsFirst) IsWatchListSemanticsUnSupported() bool { return true }
