//go:build integration

package controller_test

import (
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// TestStageEndsAfterItsTime lets a branch's stage run out of time while the
// branch stays, and brings it back by a push.
func TestStageEndsAfterItsTime(t *testing.T) {
	// What counts is the time since the push: the rule's ttl changes, not the
	// clock, so that no machine is too slow for this test.
	file := func(ttl string) map[string]string {
		return map[string]string{"slipway.yaml": projectFile("  - {name: feature, branch: \"feature/*\", ttl: "+ttl+"}\n", site)}
	}
	files := siteFiles("", "hello")
	files["slipway.yaml"] = file("24h")["slipway.yaml"]
	p := join(t, "ttl", files, nil)
	stage := naming.StageForRef("feature", "refs/heads/feature/x")
	commit := p.push("feature/x", "dev", map[string]string{"README.md": "x"})
	p.reaches(stage, commit, v1alpha1.PhaseSucceeded)
	time.Sleep(2 * time.Second) // the API counts in seconds
	p.push("main", "owner", file("1s"))
	gone := func() error {
		if _, err := p.stage(stage); !apierrors.IsNotFound(err) {
			return fmt.Errorf("stage: %w", err)
		}
		return nil
	}
	p.eventually("the stage is taken down", gone)
	p.eventually("the project remembers the ref", func() error {
		var made v1alpha1.Project
		if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &made); err != nil {
			return err
		}
		if len(made.Status.Expired) != 1 || made.Status.Expired[0] != (v1alpha1.ExpiredRef{Ref: "refs/heads/feature/x", Commit: commit}) {
			return fmt.Errorf("expired %+v", made.Status.Expired)
		}
		return nil
	})
	p.push("main", "owner", file("24h"))
	other := p.push("feature/y", "dev", map[string]string{"README.md": "y"}) // at least one more sync
	p.reaches(naming.StageForRef("feature", "refs/heads/feature/y"), other, v1alpha1.PhaseSucceeded)
	if err := gone(); err != nil {
		t.Errorf("a sync brought the stage back without a push: %v", err)
	}
	again := p.push("feature/x", "dev", map[string]string{"README.md": "again"})
	p.reaches(stage, again, v1alpha1.PhaseSucceeded)
}
