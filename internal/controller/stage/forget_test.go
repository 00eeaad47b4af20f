package stage

import (
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

// life makes n releases, newest first, of one trigger and phase.
func life(n int, trigger v1alpha1.Trigger, phase v1alpha1.Phase) []v1alpha1.Release {
	releases := make([]v1alpha1.Release, 0, n)
	for i := n; i > 0; i-- {
		r := v1alpha1.Release{Spec: v1alpha1.ReleaseSpec{Sequence: int64(i), Trigger: trigger}, Status: v1alpha1.ReleaseStatus{Phase: phase}}
		r.Name = fmt.Sprint("r", i)
		if trigger.Asked() {
			r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue}}
		}
		releases = append(releases, r)
	}
	return releases
}

// change alters the release with a number.
func change(releases []v1alpha1.Release, number int64, how func(*v1alpha1.Release)) []v1alpha1.Release {
	i := slices.IndexFunc(releases, func(r v1alpha1.Release) bool { return r.Spec.Sequence == number })
	how(&releases[i])
	return releases
}

func TestSurplusKeepsWhatTheStageNeeds(t *testing.T) {
	as := func(trigger v1alpha1.Trigger, phase v1alpha1.Phase) func(*v1alpha1.Release) {
		return func(r *v1alpha1.Release) { r.Spec.Trigger, r.Status.Phase = trigger, phase }
	}
	refuse := func(r *v1alpha1.Release) {
		r.Spec.Trigger = v1alpha1.TriggerDeploy
		r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionFalse}}
	}
	applied := func(r *v1alpha1.Release) {
		r.Spec.Trigger, r.Status.Timings = v1alpha1.TriggerAutoSleep, []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}}
	}
	status := v1alpha1.StageStatus{}
	tests := map[string]struct {
		releases []v1alpha1.Release
		status   v1alpha1.StageStatus
		want     []string
	}{
		"few":                {life(20, "push", "Succeeded"), status, nil},
		"more":               {life(22, "push", "Succeeded"), status, []string{"r1", "r2"}},
		"the last good":      {change(life(23, "push", "Failed"), 2, as("push", "Succeeded")), status, []string{"r1", "r3"}},
		"the good it shows":  {life(23, "push", "Failed"), v1alpha1.StageStatus{Good: "r2"}, []string{"r1", "r3"}},
		"the last push":      {change(life(23, "restart", "Succeeded"), 2, as("push", "Failed")), status, []string{"r1", "r3"}},
		"the last brought":   {change(life(23, "restart", "Succeeded"), 2, as("promotion", "Succeeded")), status, []string{"r1", "r3"}},
		"what is bad":        {life(23, "restart", "Succeeded"), v1alpha1.StageStatus{Quarantine: &v1alpha1.Quarantine{Release: "r2"}}, []string{"r1", "r3"}},
		"what still runs":    {change(life(23, "push", "Succeeded"), 2, as("push", "Verifying")), status, []string{"r1", "r3"}},
		"what it has now":    {change(life(23, "push", "Failed"), 2, applied), status, []string{"r1", "r3"}},
		"sleep pushes none":  {nights(6, life(3, "push", "Succeeded")), status, []string{"r10", "r4", "r5", "r6", "r7", "r8", "r9"}},
		"refused ones, few":  {change(life(21, "push", "Succeeded"), 21, refuse), status, nil},
		"refused ones alone": {refuseAll(life(7, "deploy", "Failed"), refuse), status, []string{"r1", "r2"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage := &v1alpha1.Stage{Status: tt.status}
			gone := surplus(stage, tt.releases, release.NewHistory(tt.releases))
			var names []string
			for _, r := range tt.releases {
				if gone[r.Name] {
					names = append(names, r.Name)
				}
			}
			slices.Sort(names)
			if !slices.Equal(names, tt.want) {
				t.Errorf("%v may go, want %v", names, tt.want)
			}
		})
	}
}

// nights puts a stage to sleep and wakes it that often after its releases.
func nights(n int, before []v1alpha1.Release) []v1alpha1.Release {
	releases := life(2*n+len(before), v1alpha1.TriggerAutoSleep, v1alpha1.PhaseSucceeded)
	for i := 0; i < 2*n; i += 2 {
		releases[i].Spec.Trigger = v1alpha1.TriggerAutoWake
	}
	return append(releases[:2*n], before...)
}

func refuseAll(releases []v1alpha1.Release, refuse func(*v1alpha1.Release)) []v1alpha1.Release {
	for i := range releases {
		refuse(&releases[i])
	}
	return releases
}

// Old releases go, with the bundles that no other has.
func TestForget(t *testing.T) {
	objects := []client.Object{newStage(nil)}
	const many = keptReleases + surplusAllowed + 3
	for i := range int64(many) {
		objects = append(objects, newRelease(i+1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil))
	}
	f := newFixture(t, objects...)
	if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
		t.Fatal(err)
	}
	if got := len(f.releases(t)); got != keptReleases {
		t.Errorf("%d releases are left, want %d", got, keptReleases)
	}
	if len(f.place.pruned) != keptReleases {
		t.Errorf("%d bundles stay, want %d", len(f.place.pruned), keptReleases)
	}
}
