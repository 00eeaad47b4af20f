package operate

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// What the project decided is shown with what the stage of a preview says.
func TestPreviews(t *testing.T) {
	ends := metav1.NewTime(time.Date(2026, 1, 2, 4, 4, 5, 0, time.UTC))
	p := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "shop"}}
	p.Status.Previews = []v1alpha1.Preview{
		{PullRequest: 7, State: v1alpha1.PreviewLive, Commit: commitB, Ends: &ends},
		{PullRequest: 8, State: v1alpha1.PreviewQueued, Commit: commitA, Message: "10 previews exist"},
		{PullRequest: 9, State: v1alpha1.PreviewLive, Commit: commitA},
		{PullRequest: 10, State: v1alpha1.PreviewLive, Commit: commitA},
	}
	p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionPreviews, Status: metav1.ConditionFalse, Message: "the forge did not answer"}}
	stage := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "shop-pr-7"},
		Spec:       v1alpha1.StageSpec{Name: "pr-7", PullRequest: 7},
		Status: v1alpha1.StageStatus{
			Commit: commitA, Phase: v1alpha1.PhaseFailed, URL: "https://web-pr-7-shop.example",
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Message: "web: exit code 1"}},
		},
	}
	asleep := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "shop-pr-10"},
		Spec:       v1alpha1.StageSpec{Project: "shop", Name: "pr-10", PullRequest: 10, Gated: true},
		Status:     v1alpha1.StageStatus{Commit: commitA, Phase: v1alpha1.PhaseSucceeded, Asleep: &v1alpha1.Asleep{Since: metav1.NewMicroTime(ends.Add(-time.Hour)), By: "max"}},
	}
	other := &v1alpha1.Stage{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "shop-pr-9"}, Spec: v1alpha1.StageSpec{Name: "pr-9"}}
	got, unknown, err := Projects{Client: fakeClient(t, interceptor.Funcs{}, stage, other, asleep)}.Previews(t.Context(), p)
	if err != nil || unknown != "the forge did not answer" {
		t.Fatalf("%q, %v", unknown, err)
	}
	want := []Preview{
		{
			PullRequest: 7, State: "Live", Stage: "pr-7", Commit: commitB, Running: commitA, Phase: v1alpha1.PhaseFailed, URL: "https://web-pr-7-shop.example",
			Expires: &ends.Time, Message: "web: exit code 1",
		},
		{PullRequest: 8, State: "Queued", Commit: commitA, Message: "10 previews exist"},
		{PullRequest: 9, State: "Live", Commit: commitA},
		{
			PullRequest: 10, State: "Live", Stage: "pr-10", Commit: commitA, Running: commitA, Phase: v1alpha1.PhaseSucceeded,
			Message: "asleep since 2026-01-02 03:04 UTC, as max asked; the next visit wakes it, or `slipway wake shop pr-10`",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPreviewsThatCannotBeRead(t *testing.T) {
	p := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "shop"}}
	p.Status.Previews = []v1alpha1.Preview{{PullRequest: 7, State: v1alpha1.PreviewLive, Commit: commitB}}
	away := errors.New("away")
	c := fakeClient(t, interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
		return away
	}})
	if _, _, err := (Projects{Client: c}).Previews(t.Context(), p); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
}

// A stage that sleeps says so, unless its newest release has more to say.
func TestStatusOfWhatSleeps(t *testing.T) {
	asleep := &v1alpha1.Asleep{Since: metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	for status, want := range map[metav1.ConditionStatus]string{
		metav1.ConditionTrue:  "asleep since 2026-01-02 03:04 UTC; `slipway wake shop dev`",
		metav1.ConditionFalse: "the build of web failed",
	} {
		stage := stageIn("acme", "shop", "dev")
		stage.Status = v1alpha1.StageStatus{Asleep: asleep, Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Message: "the build of web failed"}}}
		lines, err := Stages{Client: fakeClient(t, interceptor.Funcs{}, stage)}.Status(t.Context(), stage.Namespace, "shop")
		if err != nil || len(lines) != 1 || lines[0].Message != want {
			t.Errorf("%s: %+v, %v, want %q", status, lines, err, want)
		}
	}
}
