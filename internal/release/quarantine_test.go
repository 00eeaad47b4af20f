package release_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// Whatever happened before: right after a commit was rolled back,
// it is not released automatically, whatever the status says.
func TestWhatWasGoneBackFromStaysAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SampledFrom([]string{"push", "deploy", "promotion", "rollback", "auto-rollback", "restart", "scale"})
		phases := rapid.SampledFrom([]string{"good", "failed", "superseded", "held", "refused", "asked"})
		heads := rapid.SampledFrom([]string{"a", "c", "d"})
		var lines []string
		for range rapid.IntRange(0, 6).Draw(t, "before") {
			lines = append(lines, kinds.Draw(t, "kind")+" "+heads.Draw(t, "head")+" "+phases.Draw(t, "phase"))
		}
		lines = append(lines, "push b "+rapid.SampledFrom([]string{"good", "failed", "superseded"}).Draw(t, "end"))
		bad := len(lines)
		lines = append(lines, rapid.SampledFrom([]string{"rollback", "auto-rollback"}).Draw(t, "back")+" a "+rapid.SampledFrom([]string{"good", "failed", "runs"}).Draw(t, "back's end"))
		for range rapid.IntRange(0, 4).Draw(t, "after") {
			lines = append(lines, rapid.SampledFrom([]string{"restart", "scale", "rollback"}).Draw(t, "later")+" a "+phases.Draw(t, "phase"))
		}
		stage := wants("b")
		if rapid.Bool().Draw(t, "the status knows") {
			stage.Status.Quarantine = &v1alpha1.Quarantine{Commit: releasetest.Commit("b"), Release: fmt.Sprint("r", bad)}
		}
		step, err := release.Next(stage, release.NewHistory(releasetest.Past(lines...)), fixed("b", "c"))
		if err != nil || step.Trigger != "" || step.Reason != release.ReasonQuarantined {
			t.Fatalf("%q: step %+v %v", lines, step, err)
		}
	})
}
