package controller

import (
	"log/slog"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/forge"
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
	Forges           map[string]forge.NewReporter
	// NoFastPath leaves every release to the reconcilers alone, which is slower:
	// tests show with it that nothing else depends on the fast path.
	NoFastPath bool
	Now        func() time.Time
	Log        *slog.Logger
}
