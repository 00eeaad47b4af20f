package runner_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

func TestVerdicts(t *testing.T) {
	approve := func(by string) v1alpha1.Verdict { return v1alpha1.Verdict{By: by, Verdict: v1alpha1.VerdictApprove} }
	reject := func(by string) v1alpha1.Verdict {
		return v1alpha1.Verdict{By: by, Verdict: v1alpha1.VerdictReject, Reason: "no"}
	}
	tests := map[string]struct {
		verdicts []v1alpha1.Verdict
		phase    v1alpha1.Phase
		says     string
	}{
		"none":                   {nil, v1alpha1.PhaseHeld, "olga has the role developer"},
		"maintainer approves":    {[]v1alpha1.Verdict{approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"by e-mail":              {[]v1alpha1.Verdict{approve("alice@acme.example")}, v1alpha1.PhaseSucceeded, "; approved by alice"},
		"one person, two names":  {[]v1alpha1.Verdict{approve("alice@acme.example"), approve("alice")}, v1alpha1.PhaseSucceeded, "; approved by alice"},
		"the pusher approves":    {[]v1alpha1.Verdict{approve("olga")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"a stranger approves":    {[]v1alpha1.Verdict{approve("eve")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"a group's name":         {[]v1alpha1.Verdict{approve("acme/backend")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"maintainer rejects":     {[]v1alpha1.Verdict{approve("alice"), reject("max")}, v1alpha1.PhaseFailed, "rejected by max: no"},
		"rejects with marks":     {[]v1alpha1.Verdict{{By: "max", Verdict: v1alpha1.VerdictReject, Reason: "\x1b[2Jno\u202e!"}}, v1alpha1.PhaseFailed, "rejected by max: no\ufffd!"},
		"a viewer rejects":       {[]v1alpha1.Verdict{reject("bob"), approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"rejects, then approves": {[]v1alpha1.Verdict{reject("max"), approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"approves, then rejects": {[]v1alpha1.Verdict{approve("max"), reject("max")}, v1alpha1.PhaseFailed, "rejected by max"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			inputs := f.inputs("olga")
			inputs.Release.Spec.Verdicts = tt.verdicts
			if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != tt.phase || !strings.Contains(f.status.Message, tt.says) {
				t.Errorf("%s: %s; want %s: %s", f.status.Phase, f.status.Message, tt.phase, tt.says)
			}
			if (tt.phase == v1alpha1.PhaseFailed) != (f.status.Cause == release.CauseRejected) {
				t.Errorf("cause %s", f.status.Cause)
			}
		})
	}
}
