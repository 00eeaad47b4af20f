package content

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/release"
)

// ShowDelay is how long a stage's status waits for a head that changes nothing after
// the last one: what a push changes goes first, and a branch that is pushed to every
// few seconds is shown once for all of that.
const ShowDelay = 30 * time.Second

// maxShowDelays is how many delays such a branch puts off what is shown.
const maxShowDelays = 4

// Targets gather what releases of stages work with.
type Targets interface {
	Inputs(ctx context.Context, stage *v1alpha1.Stage) (release.Inputs, error)
}

// Comparison compares heads of one project with what stages were made from.
type Comparison interface {
	// Equal reports whether a head makes the same manifests and images as an
	// earlier release with a bundle. It is false when that can't be told.
	Equal(ctx context.Context, o release.Inputs, earlier *v1alpha1.Release, head v1alpha1.Head) (bool, error)
}

// Heads knows the heads that change nothing at their stages. It is safe for
// concurrent use. Run shows them.
type Heads struct {
	client  client.Client
	targets Targets
	compare func() Comparison
	delay   time.Duration
	log     *slog.Logger

	due workqueue.TypedDelayingInterface[types.NamespacedName]

	mu    sync.Mutex
	known map[types.NamespacedName]knownHead // until the stages' statuses have them
}

// knownHead is a head that changes nothing at a stage.
type knownHead struct {
	stage types.UID
	head  v1alpha1.UnchangedHead
	first time.Time // when the first head came that is not shown
	found time.Time // when this one did
}

// wait returns how long a head is not shown yet.
func (k knownHead) wait(now time.Time, delay time.Duration) time.Duration {
	return min(k.found.Add(delay).Sub(now), k.first.Add(maxShowDelays*delay).Sub(now))
}

// NewHeads returns heads that are shown after a delay. Compare begins the
// comparisons of one project at one time.
func NewHeads(c client.Client, targets Targets, compare func() Comparison, delay time.Duration, log *slog.Logger) *Heads {
	return &Heads{
		client: c, targets: targets, compare: compare, delay: delay, log: log,
		due:   workqueue.NewTypedDelayingQueue[types.NamespacedName](),
		known: map[types.NamespacedName]knownHead{},
	}
}

// Unchanged begins the comparisons of one sync of a project. What it returns reports
// whether a stage has a new head without a release, because it changes nothing there;
// where that can't be told, the head is released. It is safe for concurrent use, and
// the stages are not changed.
func (h *Heads) Unchanged() func(ctx context.Context, move release.Move) bool {
	comparison := h.compare()
	return func(ctx context.Context, move release.Move) bool {
		unchanged, err := h.unchanged(ctx, comparison, move)
		if err != nil {
			h.log.Warn("compare a commit with what a stage was made from; it is released",
				"project", move.Stage.Spec.Project, "stage", move.Stage.Spec.Name, "commit", move.Head.Commit, "error", err)
		}
		return unchanged
	}
}

func (h *Heads) unchanged(ctx context.Context, comparison Comparison, move release.Move) (bool, error) {
	stage := move.Stage
	releases, err := kube.CachedReleasesOf(ctx, h.client, stage)
	if err != nil {
		return false, err
	}
	history := release.HistoryOf(stage, releases)
	if release.HasHead(stage, history, h.headOf(stage), move.Head) {
		return true, nil
	}
	baseline := release.Baseline(stage, history)
	if baseline == nil {
		return false, nil
	}
	inputs, err := h.targets.Inputs(ctx, stage)
	if err != nil {
		return false, err
	}
	equal, err := comparison.Equal(ctx, inputs, baseline, move.Head)
	if equal && err == nil {
		h.record(stage, v1alpha1.UnchangedHead{
			Commit: move.Head.Commit, FileCommit: move.Head.FileCommit, FileID: move.Head.FileID,
			Release: baseline.Name, Since: baseline.Spec.Head.Commit,
		})
	}
	return equal && err == nil, err
}

// Runs reports whether a head, of whatever ref, would make what a stage runs. It is
// false where that can't be told.
func (h *Heads) Runs(ctx context.Context, stage *v1alpha1.Stage, head v1alpha1.Head) bool {
	equal, err := h.runs(ctx, stage, head)
	if err != nil {
		h.log.Warn("compare a commit with what a stage runs; it counts as different", "project", stage.Spec.Project, "stage", stage.Spec.Name, "commit", head.Commit, "error", err)
	}
	return equal && err == nil
}

func (h *Heads) runs(ctx context.Context, stage *v1alpha1.Stage, head v1alpha1.Head) (bool, error) {
	releases, err := kube.CachedReleasesOf(ctx, h.client, stage)
	if err != nil {
		return false, err
	}
	good := release.HistoryOf(stage, releases).Good()
	if good == nil || good.Status.Bundle == "" {
		return false, nil
	}
	inputs, err := h.targets.Inputs(ctx, stage)
	if err != nil {
		return false, err
	}
	return h.compare().Equal(ctx, inputs, good, head)
}

// headOf returns the last head that changed nothing at a stage, nil when there is
// none.
func (h *Heads) headOf(stage *v1alpha1.Stage) *v1alpha1.UnchangedHead {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known, found := h.known[client.ObjectKeyFromObject(stage)]; found && known.stage == stage.UID {
		return &known.head
	}
	return stage.Status.Head
}

// record remembers a head and has it shown.
func (h *Heads) record(stage *v1alpha1.Stage, head v1alpha1.UnchangedHead) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name, now := client.ObjectKeyFromObject(stage), time.Now()
	recorded := knownHead{stage: stage.UID, head: head, first: now, found: now}
	if known, found := h.known[name]; found && known.stage == stage.UID {
		recorded.first = known.first
	}
	h.known[name] = recorded
	h.due.AddAfter(name, h.delay)
}

// forget drops what is known of a stage's head, unless a newer one is.
func (h *Heads) forget(name types.NamespacedName, shown *v1alpha1.UnchangedHead) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known, found := h.known[name]; found && (shown == nil || known.head == *shown) {
		delete(h.known, name)
	}
}
