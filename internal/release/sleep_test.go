package release_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// noon is when what the tests decide is decided.
func noon() time.Time { return time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC) }

// past makes a history in which the newest release began some time before noon, and
// each other an hour before the next.
func past(ago time.Duration, lines ...string) release.History {
	releases := releasetest.Past(lines...)
	for i := range releases {
		at := noon().Add(-ago - time.Duration(len(releases)-1-i)*time.Hour)
		releases[i].CreationTimestamp = metav1.NewTime(at)
		for j := range releases[i].Status.Timings {
			releases[i].Status.Timings[j].At = metav1.NewMicroTime(at)
		}
	}
	return release.NewHistory(releases)
}

// preview is a preview behind the gate that falls asleep after two hours, and was
// visited some time before noon; a negative time is never.
func preview(visited time.Duration) *v1alpha1.Stage {
	stage := wants("a")
	stage.Spec.PullRequest, stage.Spec.Gated = 7, true
	stage.Spec.Sleep = &v1alpha1.Sleep{After: &metav1.Duration{Duration: 2 * time.Hour}}
	if visited >= 0 {
		stage.Status.Visited = new(metav1.NewMicroTime(noon().Add(-visited)))
	}
	return stage
}

func nightly(hours string) *v1alpha1.Stage {
	stage := wants("a")
	stage.Spec.Sleep = &v1alpha1.Sleep{Hours: hours}
	return stage
}

func TestRest(t *testing.T) {
	const hour, never = time.Hour, -1
	ungated := preview(never)
	ungated.Spec.Gated = false
	crowded := func(visited time.Duration) *v1alpha1.Stage {
		stage := preview(visited)
		stage.Spec.Sleep = &v1alpha1.Sleep{Room: new(metav1.NewTime(noon().Add(-time.Minute)))}
		return stage
	}
	unset := preview(never)
	unset.Spec.Sleep = nil
	tests := map[string]struct {
		stage *v1alpha1.Stage
		past  release.History
		want  string // trigger and source
		again time.Duration
	}{
		"nothing was released":              {preview(never), nil, "", 0},
		"a release is under way":            {preview(never), past(9*hour, "push a runs"), "", 0},
		"one is held":                       {preview(never), past(9*hour, "push a good", "push b held"), "", 0},
		"asleep, one is held, visited":      {preview(hour * 3 / 2), past(hour, "push a good", "sleep a good", "push b held"), "auto-wake r2", 0},
		"asleep, one is held":               {preview(9 * hour), past(hour, "push a good", "sleep a good", "push b held"), "", 0},
		"asleep, held, after its hours":     {nightly("20:00-07:00 UTC"), past(8*hour, "push a good", "auto-sleep a good", "push b held"), "auto-wake r2", 0},
		"asleep, a request is held":         {preview(hour / 2), past(hour, "push a good", "sleep a good", "promotion b held"), "", 0},
		"nothing came to applying":          {preview(never), past(9*hour, "push a failed"), "", 0},
		"released a moment ago":             {preview(never), past(0, "push a good"), "", 2 * hour},
		"released nearly two hours ago":     {preview(never), past(2*hour-time.Second, "push a good"), "", time.Second},
		"released two hours ago":            {preview(never), past(2*hour, "push a good"), "auto-sleep r1", 0},
		"visited since":                     {preview(hour), past(9*hour, "push a good"), "", hour},
		"visited, and nobody came since":    {preview(2 * hour), past(9*hour, "push a good"), "auto-sleep r1", 0},
		"visited before it was released":    {preview(9 * hour), past(hour, "push a good"), "", hour},
		"what runs is broken":               {preview(never), past(3*hour, "push a good", "push b broken"), "auto-sleep r2", 0},
		"the newest changed nothing":        {preview(never), past(3*hour, "push a good", "push b failed"), "auto-sleep r1", 0},
		"it could not fall asleep":          {preview(never), past(hour, "push a good", "auto-sleep a failed"), "", hour},
		"no gate counts visits":             {ungated, past(9*hour, "push a good"), "", 0},
		"it is never to sleep":              {unset, past(9*hour, "push a good"), "", 0},
		"asleep":                            {preview(never), past(9*hour, "push a good", "auto-sleep a good"), "", 0},
		"asleep, visited before":            {preview(10 * hour), past(9*hour, "push a good", "auto-sleep a good"), "", 0},
		"asleep, visited":                   {preview(hour), past(9*hour, "push a good", "auto-sleep a good"), "auto-wake r2", 0},
		"half asleep, visited":              {preview(hour), past(9*hour, "push a good", "auto-sleep a broken"), "auto-wake r2", 0},
		"asleep by somebody, visited":       {preview(hour), past(9*hour, "push a good", "sleep a good"), "auto-wake r2", 0},
		"visited, could not wake":           {preview(2 * hour), past(hour, "push a good", "sleep a good", "auto-wake a failed"), "", 0},
		"visited again":                     {preview(0), past(hour, "push a good", "sleep a good", "auto-wake a failed"), "auto-wake r2", 0},
		"awake again":                       {preview(hour), past(hour, "push a good", "sleep a good", "auto-wake a good"), "", hour},
		"asleep, not to sleep any more":     {unset, past(9*hour, "push a good", "auto-sleep a good"), "", 0},
		"asleep, and the gate is gone":      {ungated, past(9*hour, "push a good", "auto-sleep a good"), "auto-wake r2", 0},
		"its rule has it sleep no more":     {wants("a"), past(9*hour, "push a good", "auto-sleep a good"), "auto-wake r2", 0},
		"another needs its place":           {crowded(never), past(hour, "push a good"), "auto-sleep r1", 0},
		"another needs it, visited since":   {crowded(0), past(hour, "push a good"), "", 0},
		"another needs it, pushed since":    {crowded(never), past(0, "push a good"), "", 0},
		"asked to sleep, nobody comes":      {unset, past(9*hour, "push a good", "sleep a good"), "", 0},
		"by day":                            {nightly("20:00-07:00 UTC"), past(9*hour, "push a good"), "", 8 * hour},
		"in its hours":                      {nightly("11:00-14:00 UTC"), past(9*hour, "push a good"), "auto-sleep r1", 0},
		"in its hours, pushed since":        {nightly("11:00-14:00 UTC"), past(hour/2, "push a good"), "", 2 * hour},
		"in its hours, woken":               {nightly("11:00-14:00 UTC"), past(hour/2, "push a good", "auto-sleep a good", "wake a good"), "", 2 * hour},
		"asleep in its hours":               {nightly("11:00-14:00 UTC"), past(hour, "push a good", "auto-sleep a good"), "", 2 * hour},
		"asleep after its hours":            {nightly("20:00-07:00 UTC"), past(15*hour, "push a good", "auto-sleep a good"), "auto-wake r2", 0},
		"could not wake after its hours":    {nightly("20:00-07:00 UTC"), past(4*hour, "push a good", "auto-sleep a good", "auto-wake a failed"), "", 8 * hour},
		"asked to sleep, after its hours":   {nightly("20:00-07:00 UTC"), past(15*hour, "push a good", "sleep a good"), "", 0},
		"hours of another version's making": {nightly("always"), past(9*hour, "push a good"), "", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			step, again := release.Rest(tt.stage, tt.past, noon())
			got := string(step.Trigger)
			if step.From != nil {
				got += " " + step.From.Name
			}
			if got != tt.want || again != tt.again || (step.Because == "") != (tt.want == "") {
				t.Errorf("%q (%s), again in %s; want %q, %s", got, step.Because, again, tt.want, tt.again)
			}
		})
	}
}

// A stage that does what is decided, and that nobody visits or pushes to, comes to rest:
// it never goes to and fro.
func TestRestSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		triggers := rapid.SampledFrom([]string{"push", "restart", "sleep", "wake", "auto-sleep", "auto-wake", "rollback"})
		outcomes := rapid.SampledFrom([]string{"good", "broken", "failed", "superseded"})
		var lines []string
		for range rapid.IntRange(1, 6).Draw(t, "releases") {
			lines = append(lines, triggers.Draw(t, "trigger")+" a "+outcomes.Draw(t, "outcome"))
		}
		stage := preview(time.Duration(rapid.IntRange(-1, 600).Draw(t, "visited")) * time.Minute)
		if rapid.Bool().Draw(t, "hours") {
			stage.Spec.Sleep.Hours = rapid.SampledFrom([]string{"20:00-07:00 UTC", "11:00-14:00 UTC"}).Draw(t, "which")
		}
		history := past(time.Duration(rapid.IntRange(0, 600).Draw(t, "ago"))*time.Minute, lines...)
		for range 3 {
			step, _ := release.Rest(stage, history, noon())
			if step.Trigger == "" {
				return
			}
			next := releasetest.Past(string(step.Trigger) + " a " + rapid.SampledFrom([]string{"good", "broken", "failed"}).Draw(t, "end"))[0]
			next.Name, next.Spec.Sequence, next.CreationTimestamp = "next", history[0].Spec.Sequence+1, metav1.NewTime(noon())
			for i := range next.Status.Timings {
				next.Status.Timings[i].At = metav1.NewMicroTime(noon())
			}
			history = append(release.History{next}, history...)
		}
		t.Fatalf("%v go to and fro", lines)
	})
}

func TestAsleep(t *testing.T) {
	tests := map[string]struct {
		past []string
		want string // who has it asleep
	}{
		"awake":                      {[]string{"push a good"}, ""},
		"asleep":                     {[]string{"push a good", "sleep a good"}, "max"},
		"falls asleep":               {[]string{"push a good", "sleep a runs"}, ""},
		"did not fall asleep":        {[]string{"push a good", "sleep a broken"}, ""},
		"woken":                      {[]string{"push a good", "sleep a good", "wake a good"}, ""},
		"woke, and does not run":     {[]string{"push a good", "sleep a good", "wake a broken"}, ""},
		"pushed":                     {[]string{"push a good", "sleep a good", "push b good"}, ""},
		"pushed, and nothing came":   {[]string{"push a good", "sleep a good", "push b failed"}, "max"},
		"pushed, and one must agree": {[]string{"push a good", "sleep a good", "push b held"}, "max"},
		"refused":                    {[]string{"push a good", "sleep a refused"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := release.AsleepOf(past(0, tt.past...))
			if (got == nil) != (tt.want == "") || got != nil && got.By != tt.want {
				t.Errorf("%+v, want %q", got, tt.want)
			}
		})
	}
}

func TestAsleepText(t *testing.T) {
	stage := preview(-1)
	if text := release.AsleepText(stage); text != "" {
		t.Errorf("awake, but %q", text)
	}
	stage.Status.Asleep = &v1alpha1.Asleep{Since: metav1.NewMicroTime(noon()), Reason: "nobody visited it for 2h"}
	if text := release.AsleepText(stage); text != "asleep since 2026-01-15 12:00 UTC: nobody visited it for 2h; the next visit wakes it, or `slipway wake shop dev`" {
		t.Error(text)
	}
	stage.Spec.Gated, stage.Status.Asleep = false, &v1alpha1.Asleep{Since: metav1.NewMicroTime(noon()), By: "max"}
	if text := release.AsleepText(stage); text != "asleep since 2026-01-15 12:00 UTC, as max asked; `slipway wake shop dev`" {
		t.Error(text)
	}
}

const scheduled = rendered + `---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: nightly
spec:
  schedule: 0 3 * * *
`

// A stage that sleeps has no pods, whoever made them, and all else.
func TestApplied(t *testing.T) {
	stage := wants("a")
	stage.Status.Scale = map[string]int32{"web": 5}
	awake, err := release.Applied([]byte(scheduled), stage, v1alpha1.TriggerPush)
	if want := strings.Replace(scheduled, "replicas: 2", "replicas: 5", 1); err != nil || string(awake) != want {
		t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, string(awake)))
	}
	want := strings.NewReplacer(
		"replicas: 2", "replicas: 0", "replicas: 1\n", "replicas: 0\n", "minReplicas: 1\n", "minReplicas: 1\n",
		"  name: queue\nspec:\n  selector: {}", "  name: queue\nspec:\n  replicas: 0\n  selector: {}", "  schedule: 0 3 * * *\n", "  schedule: 0 3 * * *\n  suspend: true\n",
	).Replace(scheduled)
	for _, trigger := range []v1alpha1.Trigger{v1alpha1.TriggerSleep, v1alpha1.TriggerAutoSleep} {
		asleep, err := release.Applied([]byte(scheduled), stage, trigger)
		if err != nil || string(asleep) != want {
			t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, string(asleep)))
		}
	}
}
