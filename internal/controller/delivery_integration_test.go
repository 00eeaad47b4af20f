//go:build integration

package controller_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/scm/forgetest/trouble"
)

// kept is how many deliveries a project keeps that were dealt with.
const kept = 200

// hears makes a delivery without a forge.
func (p *team) hears(number int, ref string, received time.Time) {
	p.t.Helper()
	delivery := &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: fmt.Sprintf("%s-%03d", p.Organization, number)},
		Spec: v1alpha1.DeliverySpec{
			Project: p.Name, Repository: "site", Forge: "github", ID: fmt.Sprint(number), Event: "push",
			Ref: ref, Received: metav1.NewMicroTime(received),
		},
	}
	slipway, err := env.Slipway() // nobody else may
	if err != nil {
		p.t.Fatal(err)
	}
	if err := slipway.Create(p.t.Context(), delivery); err != nil {
		p.t.Fatal(err)
	}
}

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
		p.hears(i, "refs/heads/elsewhere", received)
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

// TestWaitingDeliveriesAreBounded makes deliveries while git can't be read, and
// wants the newest kept, and the last of every ref.
func TestWaitingDeliveriesAreBounded(t *testing.T) {
	repair := env.Forge.Break("* /acme/waiting-shop.git/**", trouble.Fault{Status: http.StatusBadGateway})
	defer repair()
	p := join(t, "waiting", siteFiles(devStage, "hello"), nil)
	const count = 240
	began := time.Now().Add(-time.Hour)
	p.hears(0, "refs/heads/rare", began)
	for i := 1; i < count; i++ {
		p.hears(i, "refs/heads/often", began.Add(time.Duration(i)*time.Second))
	}
	p.eventually("the surplus goes", func() error {
		names := map[string]bool{}
		for _, d := range p.deliveries() {
			names[d.Name] = d.Waits()
		}
		rare, surplus, newest := names["waiting-000"], names["waiting-001"], names[fmt.Sprintf("waiting-%03d", count-1)]
		if len(names) > kept+2 || !rare || surplus || !newest { // one more may report main
			return fmt.Errorf("%d are kept, the only one of its ref %t, a surplus one %t, the newest %t", len(names), rare, surplus, newest)
		}
		return nil
	})
	repair()
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
}
