//go:build integration

package convergence

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// pushes is how many pushes arrive during one build.
const pushes = 50

// TestManyPushesDuringOneBuild pushes while a build runs. All but the last are
// overtaken, and at most two more builds are made.
func TestManyPushesDuringOneBuild(t *testing.T) {
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	h := startServer(t)
	n := startNode(t)
	fx := newFixture(t, h, p, "builds")
	fx.push(t, "start", "")
	fx.settle(t)
	seen := fx.observe(t)
	n.hold.Store(true)
	began := fx.push(t, "the build that lasts", "")
	fx.reaches(t, began, v1alpha1.PhaseBuilding)
	for i := range pushes {
		fx.push(t, fmt.Sprintf("push %d", i+1), "")
		if i%2 == 1 {
			time.Sleep(150 * time.Millisecond) // so that many are synced one by one
		}
	}
	n.hold.Store(false)
	fx.settle(t)
	seen.stop()
	releases, err := world.Releases(t.Context(), fx.Project, "main")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d pushes during one build: %d more builds, %d releases", pushes, len(seen.jobs)-1, len(releases)-2)
	if more := len(seen.jobs) - 1; more < 1 || more > 2 {
		t.Errorf("%d more builds, want one or two", more)
	}
	if len(releases) < 5 {
		t.Errorf("only %d releases: the pushes did not arrive during the build", len(releases))
	}
}

// reaches waits until a commit's release is in a phase.
func (fx *fixture) reaches(t *testing.T, commit string, phase v1alpha1.Phase) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		releases, err := world.Releases(t.Context(), fx.Project, "main")
		if err != nil {
			t.Fatal(err)
		}
		for _, release := range releases {
			if release.Spec.Head.Commit == commit && release.Status.Phase == phase {
				return
			}
		}
	}
	t.Fatalf("the release of %.8s never was %s\n%s", commit, phase, output.about(fx.Namespace))
}
