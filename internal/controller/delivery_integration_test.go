//go:build integration

package controller_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// kept is how many deliveries a project keeps that were dealt with.
const kept = 200

// TestDeliveriesAreBounded makes more deliveries than are kept, some of them
// too old to be kept, and wants the newest to stay.
func TestDeliveriesAreBounded(t *testing.T) {
	p := join(t, "bounded", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	const old, young = 20, 210
	began := time.Now().Add(-time.Hour)
	for i := range old + young {
		received := began.Add(time.Duration(i) * time.Second)
		if i < old {
			received = received.Add(-72 * time.Hour)
		}
		delivery := &v1alpha1.Delivery{
			ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: fmt.Sprintf("bounded-%03d", i)},
			Spec: v1alpha1.DeliverySpec{
				Project: p.Name, Repository: "site", Forge: "github", ID: fmt.Sprint(i), Event: "push",
				Ref: "refs/heads/elsewhere", Received: metav1.NewMicroTime(received),
			},
		}
		if err := world.Client.Create(t.Context(), delivery); err != nil {
			t.Fatal(err)
		}
	}
	p.eventually("all are dealt with", func() error {
		for _, d := range p.deliveries() {
			if d.Waits() {
				return fmt.Errorf("%s waits", d.Name)
			}
		}
		return nil
	})
	commit := p.push("main", "dev", map[string]string{"README.md": "one more\n"}) // after which what is too much goes
	p.served(commit, "")
	p.push("main", "dev", map[string]string{"README.md": "and one more\n"})
	p.eventually("what is too much goes", func() error {
		deliveries := p.deliveries()
		if n := len(deliveries); n < kept || n > kept+1 { // the newest is dealt with after the others were counted
			return fmt.Errorf("%d are kept", n)
		}
		for _, d := range deliveries {
			if time.Since(d.Spec.Received.Time) > 72*time.Hour {
				return fmt.Errorf("%s is too old", d.Name)
			}
			if d.Name == fmt.Sprintf("bounded-%03d", old) {
				return fmt.Errorf("the oldest is kept")
			}
		}
		return nil
	})
	newest := fmt.Sprintf("bounded-%03d", old+young-1)
	for _, d := range p.deliveries() {
		if d.Name == newest {
			return
		}
	}
	t.Errorf("%s is gone, which is newer than others that are kept", newest)
}
