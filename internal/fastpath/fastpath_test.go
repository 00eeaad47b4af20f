package fastpath

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
)

// reconcilers stand in for those of stages and releases and record what the
// fast path has them do.
type reconcilers struct {
	step  release.Step
	taken bool             // another made the release of that number
	errs  map[string]error // by method
	did   []string
}

// Next implements Stages.
func (r *reconcilers) Next(context.Context, *v1alpha1.Stage) ([]v1alpha1.Release, release.Step, error) {
	return nil, r.step, r.errs["Next"]
}

// Release implements Stages.
func (r *reconcilers) Release(_ context.Context, stage *v1alpha1.Stage, _ []v1alpha1.Release, step release.Step) (*v1alpha1.Release, error) {
	r.did = append(r.did, "make")
	if r.taken {
		return nil, nil
	}
	return release.New(stage, 1, step), r.errs["Release"]
}

// Begin implements Releases.
func (r *reconcilers) Begin(_ context.Context, _ *v1alpha1.Stage, _ *v1alpha1.Release, s *runner.Speculation) error {
	r.did = append(r.did, "begin")
	if s != nil {
		r.did = append(r.did, "with what was speculated")
	}
	return r.errs["Begin"]
}

// Speculate implements Speculator.
func (r *reconcilers) Speculate(context.Context, *v1alpha1.Stage, *v1alpha1.Release) (*runner.Speculation, error) {
	r.did = append(r.did, "speculate")
	return runner.NewSpeculation(), r.errs["Speculate"]
}

// The stage is written in every case, and what the fast path can't do is left
// to the reconcilers.
func TestThrough(t *testing.T) {
	push := release.Step{Trigger: v1alpha1.TriggerPush}
	broken := errors.New("no answer")
	tests := map[string]struct {
		stands reconcilers
		going  bool  // the stage is being deleted
		full   bool  // so is the queue
		alone  bool  // nobody speculates
		write  error // of the stage
		want   string
		urgent bool // statuses wait for the release
	}{
		"pushed":                    {stands: reconcilers{step: push}, want: "speculate write make begin with what was speculated", urgent: true},
		"nobody speculates":         {stands: reconcilers{step: push}, alone: true, want: "write make begin", urgent: true},
		"the queue is full":         {stands: reconcilers{step: push}, full: true, want: "write make begin", urgent: true},
		"speculation fails":         {stands: reconcilers{step: push, errs: map[string]error{"Speculate": broken}}, want: "speculate write make begin", urgent: true},
		"nothing is due":            {want: "write"},
		"a rollback is due":         {stands: reconcilers{step: release.Step{Trigger: v1alpha1.TriggerAutoRollback}}, want: "write"},
		"it isn't known what":       {stands: reconcilers{step: push, errs: map[string]error{"Next": broken}}, want: "write"},
		"the stage is not written":  {stands: reconcilers{step: push}, write: broken, want: "speculate write"},
		"the stage goes":            {stands: reconcilers{step: push}, going: true, alone: true, want: "write"},
		"another made it":           {stands: reconcilers{step: push, taken: true}, alone: true, want: "write make"},
		"the release is not made":   {stands: reconcilers{step: push, errs: map[string]error{"Release": broken}}, alone: true, want: "write make"},
		"the release is not queued": {stands: reconcilers{step: push, errs: map[string]error{"Begin": broken}}, alone: true, want: "write make begin", urgent: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, q, gate := &tt.stands, queue.New(1), queue.NewPriorityGate(time.Hour)
			t.Cleanup(q.Close)
			stage := &v1alpha1.Stage{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "shop-dev"}}
			if tt.going {
				stage.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			}
			if tt.full {
				q.Submit(types.NamespacedName{Name: "other"}, queue.Job{Sequence: 1, Run: func(ctx context.Context) bool { <-ctx.Done(); return true }})
			}
			f := &FastPath{Stages: r, Releases: r, Queue: q, Gate: gate, Log: slog.New(slog.DiscardHandler)}
			if !tt.alone {
				f.Speculator = r
			}
			err := f.Through(t.Context(), stage, func() error {
				if !q.Reserved(client.ObjectKeyFromObject(stage)) {
					t.Error("the stage's reconciler may act while the stage is written")
				}
				r.did = append(r.did, "write")
				return tt.write
			})
			if !errors.Is(err, tt.write) {
				t.Errorf("got %v", err)
			}
			if got := strings.Join(r.did, " "); got != tt.want {
				t.Errorf("did %q, want %q", got, tt.want)
			}
			if q.Reserved(client.ObjectKeyFromObject(stage)) {
				t.Error("the stage stays reserved")
			}
			if urgent := waits(t, gate); urgent != tt.urgent {
				t.Errorf("statuses wait: %t, want %t", urgent, tt.urgent)
			}
		})
	}
}

// waits reports whether statuses wait at a gate.
func waits(t *testing.T, gate *queue.PriorityGate) bool {
	t.Helper()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	return gate.Wait(over) != nil
}

// Without the fast path the stage is written, and that is all.
func TestOff(t *testing.T) {
	broken := errors.New("no answer")
	if err := (Off{}).Through(t.Context(), &v1alpha1.Stage{}, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// headReader is a forge.
type headReader struct{ read chan string }

// Heads implements HeadReader.
func (h headReader) Heads(_ context.Context, _ *v1alpha1.Project, repository v1alpha1.Repository) (git.Heads, error) {
	h.read <- repository.Name
	return git.Heads{Default: "refs/heads/main"}, nil
}

// Heads are read once, early where that is worth it and by the sync otherwise.
func TestHeadsAreReadOnce(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	delivery := &v1alpha1.Delivery{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "one"}, Spec: v1alpha1.DeliverySpec{Project: "shop", Received: metav1.NewMicroTime(start)}}
	project := func(suspend bool) *v1alpha1.Project {
		return &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "shop"}, Spec: v1alpha1.ProjectSpec{Suspend: suspend, Repositories: []v1alpha1.Repository{{Name: "main"}}}}
	}
	tests := map[string]struct {
		objects []client.Object
		follows bool // another replica leads
		silent  bool // the receiver says nothing of deliveries
		early   bool
	}{
		"delivered":            {objects: []client.Object{project(false)}, early: true},
		"a repetition":         {objects: []client.Object{project(false), delivery}},
		"of no project":        {},
		"the project is still": {objects: []client.Object{project(true)}},
		"another replica":      {objects: []client.Object{project(false)}, follows: true},
		"switched off":         {objects: []client.Object{project(false)}, silent: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q, leads, forge := queue.New(1), make(chan struct{}), headReader{read: make(chan string, 2)}
			if !tt.follows {
				close(leads)
			}
			f := &RefPrefetcher{Client: kubefake.New(t, tt.objects...), Sources: forge, Queue: q, Leads: leads, Now: func() time.Time { return start }}
			if !tt.silent {
				f.Delivered(t.Context(), delivery)
			}
			if early := slices.Contains(openOf(f), "shop"); early != tt.early {
				t.Errorf("read early: %t, want %t", early, tt.early)
			}
			heads, err := f.Heads(t.Context(), project(false), []v1alpha1.Delivery{*delivery})
			q.Close()
			if err != nil || heads.Default == "" || len(forge.read) != 1 {
				t.Errorf("%v, %v; read %d times", heads, err, len(forge.read))
			}
		})
	}
}

// openOf returns the projects whose refs are read early.
func openOf(f *RefPrefetcher) []string {
	var names []string
	for name := range f.open {
		names = append(names, name.Name)
	}
	return names
}
