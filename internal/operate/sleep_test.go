package operate

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Sleep and wake take what the stage has now, and ask for nothing that is so already.
func TestSleepAndWake(t *testing.T) {
	bundled := func(sequence int64, commit string, phase v1alpha1.Phase, trigger v1alpha1.Trigger) *v1alpha1.Release {
		rel := releaseOf(sequence, commit, phase)
		rel.Spec.Trigger, rel.Status.Bundle = trigger, "bundle"
		if trigger.Asked() {
			rel.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue}}
		}
		return rel
	}
	good, broken := bundled(1, commitA, v1alpha1.PhaseSucceeded, v1alpha1.TriggerPush), bundled(2, commitB, v1alpha1.PhaseFailed, v1alpha1.TriggerPush)
	slept := bundled(2, commitA, v1alpha1.PhaseSucceeded, v1alpha1.TriggerSleep)
	tests := map[string]struct {
		past    []*v1alpha1.Release
		request func(*Stage, context.Context, Actor) (*v1alpha1.Release, error)
		want    string // trigger and source; empty when there is nothing to ask for
		code    fault.Code
	}{
		"sleep":                     {[]*v1alpha1.Release{good}, (*Stage).Sleep, "sleep shop-production-1", ""},
		"sleep with what is broken": {[]*v1alpha1.Release{good, broken}, (*Stage).Sleep, "sleep shop-production-2", ""},
		"sleep twice":               {[]*v1alpha1.Release{good, slept}, (*Stage).Sleep, "", ""},
		"sleep with nothing":        {nil, (*Stage).Sleep, "", fault.Conflict},
		"wake":                      {[]*v1alpha1.Release{good, slept}, (*Stage).Wake, "wake shop-production-2", ""},
		"wake what is awake":        {[]*v1alpha1.Release{good}, (*Stage).Wake, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rel, err := tt.request(production(t, interceptor.Funcs{}, tt.past...), t.Context(), alice())
			got := ""
			if rel != nil {
				got = string(rel.Spec.Trigger) + " " + rel.Spec.From
			}
			if fault.CodeOf(err) != tt.code || got != tt.want {
				t.Errorf("%q, %v; want %q, %q", got, err, tt.want, tt.code)
			}
		})
	}
}
