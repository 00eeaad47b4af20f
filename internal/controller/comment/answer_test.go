package comment

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// answered is a comment under a pull request that was answered some time ago.
func answered(name string, number int64, ago time.Duration, answer v1alpha1.CommandAnswer) *v1alpha1.Delivery {
	return &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.DeliverySpec{
			Project: "shop", Repository: "main", Event: "comment", PullRequest: number, Comment: "4" + name, Command: "restart", Actor: "dev",
			Received: metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(-ago)),
		},
		Status: v1alpha1.DeliveryStatus{Phase: v1alpha1.DeliveryDone, Answer: &answer},
	}
}

// The newest answer is in the one comment, also under a pull request that is closed, and
// each comment has one reaction.
func TestAnswers(t *testing.T) {
	other := answered("5", 9, 0, v1alpha1.CommandAnswer{Message: "of another repository"})
	other.Spec.Repository = "api"
	f := newFixture(t, shopProject(nil),
		answered("1", 7, time.Minute, v1alpha1.CommandAnswer{Message: "release 2 restarts web"}),
		answered("2", 7, 0, v1alpha1.CommandAnswer{Refused: true, Message: "that takes `developer`\n# a | <b> heading\n```\nend"}),
		answered("3", 8, 0, v1alpha1.CommandAnswer{Message: "of one that is closed"}),
		answered("4", 9, 0, v1alpha1.CommandAnswer{Silent: true, Message: "too old"}), other,
		answered("6", 8, 2*time.Hour, v1alpha1.CommandAnswer{Message: "long ago"}))
	f.look(t)
	if len(f.sink.comments) != 2 {
		t.Fatalf("comments %+v", f.sink.comments)
	}
	for i, want := range []string{"`/slipway restart` of `dev`: not done: `that takes  developer `\n\n````\n# a | <b> heading\n```\nend\n````", "### Slipway\n\n`/slipway restart` of `dev`: done: `of one that is closed`"} {
		if got := f.sink.comments[i]; got.Number != int64(7+i) || !strings.Contains(got.Text, want) || strings.Contains(got.Text, "long ago") || strings.Contains(got.Text, "release 2") {
			t.Errorf("under %d: %q, want %q", got.Number, got.Text, want)
		}
	}
	reactions := map[string]scm.Reaction{}
	for _, a := range f.sink.reactions {
		reactions[a.Comment] = a.Reaction
	}
	if len(f.sink.reactions) != 3 || reactions["41"] != scm.ReactionDone || reactions["42"] != scm.ReactionRefused || reactions["43"] != scm.ReactionDone {
		t.Errorf("reactions %+v", f.sink.reactions)
	}
	f.look(t)
	if len(f.sink.comments) != 2 || len(f.sink.reactions) != 3 {
		t.Errorf("a second look sends %+v, %+v", f.sink.comments, f.sink.reactions)
	}
}

// Whoever asks for help, or for what there is not, sees what there is.
func TestCommandsAreListed(t *testing.T) {
	for text, listed := range map[string]bool{"": true, "help": true, "destroy": true, "restart": false, "extend": true} {
		d := answered("1", 7, 0, v1alpha1.CommandAnswer{Message: "an answer"})
		d.Spec.Command = text
		f := newFixture(t, shopProject(nil), d)
		f.look(t)
		if len(f.sink.comments) != 1 || strings.Contains(f.sink.comments[0].Text, "`/slipway approve [COMMIT]`") != listed {
			t.Errorf("%q: %+v", text, f.sink.comments)
		}
	}
}

// Without the right to react the answer has to do; while the forge limits calls, both wait.
func TestReactionsThatAreRefused(t *testing.T) {
	d := answered("1", 7, 0, v1alpha1.CommandAnswer{Message: "done"})
	f := newFixture(t, shopProject(nil), d)
	f.sink.reactErr = fault.New(fault.Denied, "may not")
	f.look(t)
	if len(f.sink.comments) != 1 || !strings.Contains(f.log.String(), "may not") {
		t.Errorf("comments %+v; log %s", f.sink.comments, f.log.String())
	}
	f = newFixture(t, shopProject(nil), d)
	f.sink.reactErr = scm.Limited("react", 3*time.Second)
	if result, err := f.Reconcile(t.Context(), shop); err != nil || result.RequeueAfter != 3*time.Second || len(f.sink.comments) > 0 {
		t.Errorf("%v, %v, comments %+v", result, err, f.sink.comments)
	}
	f.sink.reactErr = errors.New("away")
	if _, err := f.Reconcile(t.Context(), shop); err != nil {
		t.Errorf("%v", err)
	}
}

// A preview that ends soon says so once it does.
func TestEndIsAnnounced(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		ends time.Time
		want bool
		look time.Duration // until it is looked at again
	}{
		"in a day":           {ends: now.Add(24 * time.Hour), want: true},
		"in more than a day": {ends: now.Add(24*time.Hour + time.Minute), look: time.Minute + time.Second},
		"in an hour":         {ends: now.Add(time.Hour), want: true},
		"never":              {},
	} {
		t.Run(name, func(t *testing.T) {
			known := v1alpha1.Preview{PullRequest: 7, State: v1alpha1.PreviewLive, Commit: "head"}
			if !tt.ends.IsZero() {
				known.Ends = &metav1.Time{Time: tt.ends}
			}
			f := newFixture(t, shopProject(func(p *v1alpha1.Project) { p.Status.Previews = []v1alpha1.Preview{known} }))
			result, err := f.Reconcile(t.Context(), shop)
			if err != nil || result.RequeueAfter != tt.look {
				t.Errorf("%v, %v; want a look after %v", result, err, tt.look)
			}
			if said := len(f.sink.comments) == 1 && strings.Contains(f.sink.comments[0].Text, "The preview ends at "+tt.ends.Format("2006-01-02 15:04 MST")); said != tt.want {
				t.Errorf("comments %+v", f.sink.comments)
			}
		})
	}
}
