//go:build integration

package controller_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/naming"
)

// endState is what pushes to a project came to, without what differs between
// two projects: commits, names with the organization in them, and times.
type endState struct {
	Releases   []string // oldest first
	Stage      string
	Objects    []string
	Deliveries []string
	Status     string // of the last commit, at the forge
}

// Pushes come to the same with the fast path, without any part of it, and
// without each.
func TestFastPathChangesNothing(t *testing.T) {
	variants := []struct {
		name string
		off  fastpath.Features
	}{
		{"all", fastpath.Features{}},
		{"none", fastpath.All()},
		{"no prefetch", fastpath.Features{Prefetch: true}},
		{"no hand-over", fastpath.Features{HandOver: true}},
		{"no speculation", fastpath.Features{Speculation: true}},
		{"no gate", fastpath.Features{PriorityGate: true}},
		{"no delay", fastpath.Features{DelayedPhases: true}},
	}
	t.Cleanup(func() {
		if err := env.Restart(context.WithoutCancel(t.Context()), fastpath.Features{}); err != nil {
			t.Error(err)
		}
	})
	var want endState
	for i, v := range variants {
		if err := env.Restart(t.Context(), v.off); err != nil {
			t.Fatal(err)
		}
		got := pushTwice(t, fmt.Sprintf("fast%d", i))
		if i == 0 {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the end differs (-all parts +these):\n%s", v.name, diff)
		}
	}
	if len(want.Objects) != 2 || len(want.Releases) != 3 {
		t.Errorf("the end is %+v", want)
	}
}

// pushTwice makes a project, pushes a change and one that changes a file but no
// object, and returns what it came to.
func pushTwice(t *testing.T, organization string) endState {
	t.Helper()
	p := join(t, organization, siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	changed := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("changed")})
	p.reaches("dev", changed, v1alpha1.PhaseSucceeded)
	last := p.push("main", "dev", map[string]string{"deploy/settings.yaml": "# better\n" + settings("changed")})
	p.reaches("dev", last, v1alpha1.PhaseSucceeded)
	var end endState
	p.eventually("everything is reported", func() error {
		var err error
		end, err = p.endState(last)
		return err
	})
	return end
}

// endState fails while something is under way.
func (p *team) endState(last string) (endState, error) {
	var end endState
	for _, r := range p.releases("dev") {
		end.Releases = append(end.Releases, fmt.Sprintf("%d %s by %q: %s %+v, bundle %t", r.Spec.Sequence, r.Spec.Trigger, r.Spec.Head.Actor, r.Status.Phase, r.Status.Changes, r.Status.Bundle != ""))
	}
	stage, err := p.stage("dev")
	if err != nil || stage.Status.Commit != last {
		return end, fmt.Errorf("the stage is at %s: %w", stage.Status.Commit, err)
	}
	end.Stage = fmt.Sprintf("%s, ready %t, good %t", stage.Status.Phase, meta.IsStatusConditionTrue(stage.Status.Conditions, v1alpha1.ConditionReady), stage.Status.Good == stage.Status.Release)
	var maps corev1.ConfigMapList
	var services corev1.ServiceList
	in := client.InNamespace(p.stageNamespace("dev"))
	if err := env.Client.List(p.t.Context(), &maps, in, client.MatchingLabels{naming.LabelManagedBy: naming.ManagedBy}); err != nil {
		return end, err
	}
	if err := env.Client.List(p.t.Context(), &services, in); err != nil {
		return end, err
	}
	for _, m := range maps.Items {
		if greeting, is := m.Data["greeting"]; is {
			end.Objects = append(end.Objects, "ConfigMap "+m.Name+": "+greeting)
		}
	}
	for _, s := range services.Items {
		end.Objects = append(end.Objects, "Service "+s.Name)
	}
	for _, d := range p.deliveries() {
		if d.Waits() {
			return end, fmt.Errorf("delivery %s waits", d.Name)
		}
		end.Deliveries = append(end.Deliveries, fmt.Sprintf("%s by %s: %s, %s", d.Spec.Event, d.Spec.Actor, d.Status.Phase, d.Status.Message))
	}
	slices.Sort(end.Deliveries)
	state, message := p.status(last, "dev")
	if state != "success" {
		return end, fmt.Errorf("the commit's status is %q", state)
	}
	end.Status = state + ": " + message
	return end, nil
}
