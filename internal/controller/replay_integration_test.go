//go:build integration

package controller_test

import (
	"fmt"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

func TestReplayedDeliveryIsDealtWithAgain(t *testing.T) {
	p := join(t, "replay", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("again")})
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	done := p.served(commit, "")
	mark := func(value string) error {
		after := done.DeepCopy()
		after.Annotations = map[string]string{v1alpha1.AnnotationReplay: value}
		return env.Client.Patch(t.Context(), after, client.MergeFrom(&v1alpha1.Delivery{}))
	}
	if err := mark("one"); err != nil {
		t.Fatal(err)
	}
	if again := p.served(commit, "one"); again.Status.Attempts != done.Status.Attempts+1 {
		t.Errorf("after the replay %d attempts, want one more than %d", again.Status.Attempts, done.Status.Attempts)
	}
	if releases := p.releases("dev"); len(releases) != 2 {
		t.Errorf("%d releases, want 2 as before: the heads did not move", len(releases))
	}

	forged := done.DeepCopy()
	forged.Spec.Actor = "boss"
	if err := env.Client.Patch(t.Context(), forged, client.MergeFrom(&done)); err == nil {
		t.Error("what the forge reported was changed")
	}
}

// served waits until a commit's delivery is done, with a mark seen.
func (p *team) served(commit, mark string) v1alpha1.Delivery {
	p.t.Helper()
	var found v1alpha1.Delivery
	p.eventually("the delivery of "+commit[:8], func() error {
		for _, d := range p.deliveries() {
			if d.Spec.After == commit && d.Status.Phase == v1alpha1.DeliveryDone && d.Status.Replayed == mark {
				found = d
				return nil
			}
		}
		return fmt.Errorf("deliveries %+v", p.deliveries())
	})
	return found
}
