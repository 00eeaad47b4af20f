package content

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

const namespace = "slipway-org-acme"

// comparer compares as it is told, and counts.
type comparer struct {
	equal bool
	err   error
	asked int
}

func (c *comparer) Equal(context.Context, release.Inputs, *v1alpha1.Release, v1alpha1.Head) (bool, error) {
	c.asked++
	return c.equal, c.err
}

// Inputs implements Targets.
func (c *comparer) Inputs(_ context.Context, stage *v1alpha1.Stage) (release.Inputs, error) {
	return release.Inputs{Stage: stage}, nil
}

// newHeads returns heads of the stage dev, which wants the commit b and has the
// releases of past lines.
func newHeads(t *testing.T, c *comparer, past ...string) (*Heads, *v1alpha1.Stage, client.Client) {
	t.Helper()
	stage := &v1alpha1.Stage{}
	stage.Name, stage.Namespace, stage.UID = "shop-dev", namespace, "1"
	stage.Spec.Project, stage.Spec.Name, stage.Spec.Wanted.Commit = "shop", "dev", releasetest.Commit("b")
	objects := []client.Object{stage}
	for _, r := range releasetest.Past(past...) {
		r.Namespace, r.Spec.Stage = namespace, stage.Name
		objects = append(objects, &r)
	}
	kube := kubefake.New(t, objects...)
	return NewHeads(kube, c, func() Comparison { return c }, 0, slog.New(slog.DiscardHandler)), stage, kube
}

func move(stage *v1alpha1.Stage, commit string) release.Move {
	return release.Move{Stage: stage, Head: v1alpha1.Head{Commit: releasetest.Commit(commit), FileCommit: releasetest.Commit("f"), FileID: "file"}}
}

// Only a head that is known to change nothing is not released.
func TestUnchanged(t *testing.T) {
	tests := map[string]struct {
		compares comparer
		past     []string
		known    *v1alpha1.UnchangedHead // in the stage's status
		want     bool
		asked    int
	}{
		"equal":                 {compares: comparer{equal: true}, past: []string{"push b good"}, want: true, asked: 1},
		"different":             {past: []string{"push b good"}, asked: 1},
		"can't be compared":     {compares: comparer{equal: true, err: errors.New("no answer")}, past: []string{"push b good"}, asked: 1},
		"nothing to compare":    {compares: comparer{equal: true}, past: []string{"push b held"}},
		"compared before":       {past: []string{"push b good"}, known: &v1alpha1.UnchangedHead{Commit: releasetest.Commit("c"), FileID: "file", Release: "r1"}, want: true},
		"compared with another": {past: []string{"push a good", "push b good"}, known: &v1alpha1.UnchangedHead{Commit: releasetest.Commit("c"), FileID: "file", Release: "r1"}, asked: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			heads, stage, _ := newHeads(t, &tt.compares, tt.past...)
			stage.Status.Head = tt.known
			if got := heads.Unchanged()(t.Context(), move(stage, "c")); got != tt.want || tt.compares.asked != tt.asked {
				t.Errorf("unchanged: %v after %d comparisons, want %v after %d", got, tt.compares.asked, tt.want, tt.asked)
			}
		})
	}
}

// A head of another ref is compared with what the stage runs, and shown nowhere.
func TestRuns(t *testing.T) {
	tests := map[string]struct {
		compares comparer
		past     []string
		want     bool
		asked    int
	}{
		"equal":                {compares: comparer{equal: true}, past: []string{"push b good"}, want: true, asked: 1},
		"different":            {past: []string{"push b good"}, asked: 1},
		"can't be compared":    {compares: comparer{equal: true, err: errors.New("no answer")}, past: []string{"push b good"}, asked: 1},
		"nothing was released": {compares: comparer{equal: true}},
		"nothing succeeded":    {compares: comparer{equal: true}, past: []string{"push b failed"}},
		"a later one failed":   {compares: comparer{equal: true}, past: []string{"push a good", "push b failed"}, want: true, asked: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			heads, stage, _ := newHeads(t, &tt.compares, tt.past...)
			head := v1alpha1.Head{Commit: releasetest.Commit("c")}
			if got := heads.Runs(t.Context(), stage, head); got != tt.want || tt.compares.asked != tt.asked || heads.remembered() != 0 {
				t.Errorf("it runs: %v after %d comparisons, %d heads remembered; want %v after %d", got, tt.compares.asked, heads.remembered(), tt.want, tt.asked)
			}
		})
	}
}

// A head is compared once, and shown once for many.
func TestHeadIsShown(t *testing.T) {
	compares := &comparer{equal: true}
	heads, stage, kube := newHeads(t, compares, "push b good")
	for _, commit := range []string{"c", "c", "d", "d"} {
		if !heads.Unchanged()(t.Context(), move(stage, commit)) {
			t.Fatalf("%s is released", commit)
		}
	}
	if compares.asked != 2 {
		t.Errorf("%d comparisons of two heads", compares.asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- heads.Start(ctx) }()
	want := &v1alpha1.UnchangedHead{Commit: releasetest.Commit("d"), FileCommit: releasetest.Commit("f"), FileID: "file", Release: "r1", Since: releasetest.Commit("b")}
	var shown v1alpha1.Stage
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && shown.Status.Head == nil; time.Sleep(time.Millisecond) {
		if err := kube.Get(ctx, client.ObjectKeyFromObject(stage), &shown); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, shown.Status.Head); diff != "" {
		t.Errorf("the status shows (-want +got):\n%s", diff)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && heads.remembered() > 0; time.Sleep(time.Millisecond) {
	}
	if n := heads.remembered(); n != 0 {
		t.Errorf("%d heads are remembered that the statuses have", n)
	}
	if shown.Status.Unchanged() != "" {
		t.Errorf("%s is shown before the release of b is good", shown.Status.Unchanged())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A head waits for a pause of the pushes, but not for ever.
func TestHeadWaitsForAPause(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	tests := map[string]struct {
		found, now time.Duration // since the first head that is not shown
		want       time.Duration
	}{
		"just found":              {want: ShowDelay},
		"a while ago":             {now: ShowDelay, want: 0},
		"another came":            {found: 20 * time.Second, now: ShowDelay, want: 20 * time.Second},
		"others come all along":   {found: 115 * time.Second, now: 115 * time.Second, want: 5 * time.Second},
		"others came long enough": {found: 119 * time.Second, now: 120 * time.Second, want: 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			known := knownHead{first: start, found: at(tt.found)}
			if got := known.wait(at(tt.now), ShowDelay); got != tt.want {
				t.Errorf("it waits %v, want %v", got, tt.want)
			}
		})
	}
}

// A stage that is gone is not shown, and nothing is tried again for it.
func TestGoneStageIsNotShown(t *testing.T) {
	heads, stage, kube := newHeads(t, &comparer{equal: true}, "push b good")
	heads.Unchanged()(t.Context(), move(stage, "c"))
	if err := kube.Delete(t.Context(), stage.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if err := heads.show(t.Context(), client.ObjectKeyFromObject(stage)); err != nil || heads.remembered() != 0 {
		t.Errorf("%d heads are remembered: %v", heads.remembered(), err)
	}
}

// remembered returns how many heads are kept in memory.
func (h *Heads) remembered() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.known)
}
