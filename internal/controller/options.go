package controller

import (
	"log/slog"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/forge"
)

// Options is what the controllers are made of.
type Options struct {
	Config           *rest.Config // the control cluster, of what the leader writes
	Namespace        string       // Slipway's own
	Data             string       // directory for mirrors
	Image            string       // Slipway's own, for the steps of builds
	Executor         string       // the kaniko image
	SourceURL        string       // base URL of the source handler for builds
	AllowHTTP        bool
	OwnHosts         []string     // that Slipway itself is reached at
	GateNamespace    string       // of the gate in front of previews; empty when there is none
	Dialer           *dial.Dialer // connects to git servers, forges and registries
	ParallelReleases int
	RenderWorkers    int
	SyncInterval     time.Duration
	TimerSyncs       float64 // how many syncs a second only the timer may ask for
	// Version is the program's; another one makes every stage a release at its next
	// commit.
	Version string
	// AnyReplica writes what replicas that don't lead write too: deliveries, and the
	// key that signs sources. Nil means the manager's client.
	AnyReplica client.Client
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
