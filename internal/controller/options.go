package controller

import (
	"log/slog"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/release"
)

// Options is what the controllers are made of.
type Options struct {
	Config           *rest.Config // the control cluster
	Namespace        string       // Slipway's own
	Data             string       // directory for mirrors
	Image            string       // Slipway's own, for the steps of builds
	Executor         string       // the kaniko image
	SourceURL        string       // base URL of the source handler for builds
	AllowHTTP        bool
	ParallelReleases int
	RenderWorkers    int
	SyncInterval     time.Duration
	// Version is the program's; another one makes every stage a release at its next
	// commit.
	Version string
	// ShowHeadsAfter is how long statuses wait for heads that change nothing; 0 means
	// content.ShowDelay.
	ShowHeadsAfter time.Duration
	Forges         map[string]forge.NewReporter
	// FastPathOff are the parts of the fast path that are switched off: none,
	// except in tests that show that nothing but time depends on them.
	FastPathOff fastpath.Features
	Now         func() time.Time
	Log         *slog.Logger
}

// CacheOptions keeps the watch cache to what is needed: Slipway's own objects,
// without the records of who wrote which field, and of finished releases only
// what decisions read.
func CacheOptions() cache.Options {
	strip := cache.TransformStripManagedFields()
	return cache.Options{
		DefaultTransform: strip,
		ByObject: map[client.Object]cache.ByObject{&v1alpha1.Release{}: {Transform: func(object any) (any, error) {
			stripped, err := strip(object)
			if err != nil {
				return nil, err
			}
			return release.SlimCached(stripped)
		}}},
	}
}

// ClientOptions makes reads of Secrets and ConfigMaps go to the API server:
// watching them all would keep every secret in memory.
func ClientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}}
}
