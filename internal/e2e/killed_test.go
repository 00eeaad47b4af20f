//go:build e2e

package e2e

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
)

// TestKilledServer kills the server in each phase that lasts and expects every
// release to finish once.
func TestKilledServer(t *testing.T) {
	tm := newTeam(t, "killed")
	files := storyFiles()
	files["slipway.yaml"] = strings.Replace(storyFile, "project: story", "project: killed", 1)
	for i, phase := range []v1alpha1.Phase{v1alpha1.PhaseBuilding, v1alpha1.PhaseApplying, v1alpha1.PhaseVerifying} {
		files["web/index.html"] = "killed while " + string(phase) + "\n"
		commit := tm.push(t, "alice", "main", maps.Clone(files), "Push "+string(phase))
		tm.reach(t, commit, phase)
		tm.kill(t)
		release := tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
		tm.page(t, "web", "production", "killed while "+string(phase))
		if got := release.Spec.Sequence; got != int64(i+1) {
			t.Errorf("killed while %s: release number %d, want %d: the commit was released more than once", phase, got, i+1)
		}
		delete(files, "slipway.yaml")
	}
	if jobs := tm.jobs(t); len(jobs) != 4 {
		t.Errorf("build Jobs: %d, want 4 (two at first, one for each later push)", len(jobs))
	}
}

// reach waits until the commit's release is in the phase, or beyond it.
func (tm *team) reach(t *testing.T, commit string, phase v1alpha1.Phase) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		found, err := tm.releases(t.Context(), "production", commit)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			for _, at := range found[0].Status.Timings {
				if at.Phase == phase {
					return
				}
			}
		}
	}
	t.Fatalf("commit %.8s never reached %s", commit, phase)
}

// kill kills the server without a chance to tidy up, and waits until its
// successor takes deliveries.
func (tm *team) kill(t *testing.T) {
	t.Helper()
	defer func() {
		if _, err := tm.Kubectl(t.Context(), "-n", stand.Namespace, "rollout", "status", "deployment/slipway", "--timeout=2m"); err != nil {
			t.Fatal(err)
		}
		if err := tm.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}()
	if _, err := tm.Kubectl(t.Context(), "-n", stand.Namespace, "delete", "pod", "-l", "app.kubernetes.io/name=slipway", "--grace-period=0", "--force"); err != nil {
		t.Fatal(err)
	}
}
