package deployment

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// forge keeps deployments.
type forge struct {
	scm.Reporter
	set []scm.Deployment
	err error
}

func (f *forge) SetDeployment(_ context.Context, d scm.Deployment) (string, error) {
	f.set = append(f.set, d)
	if d.ID != "" {
		return d.ID, f.err
	}
	return fmt.Sprint(len(f.set)), f.err
}

func TestPhases(t *testing.T) {
	tests := map[string]struct {
		step, before report.Step
		want         scm.Phase // empty for no deployment
	}{
		"queued":             {report.StepQueued, "", ""},
		"held":               {report.StepHeld, report.StepQueued, ""},
		"skipped":            {report.StepSkipped, "", ""},
		"building":           {report.StepBuilding, report.StepQueued, scm.PhaseRunning},
		"deploying":          {report.StepDeploying, report.StepBuilding, scm.PhaseRunning},
		"live":               {report.StepLive, report.StepDeploying, scm.PhaseLive},
		"failed":             {report.StepFailed, "", scm.PhaseFailed},
		"superseded midway":  {report.StepSuperseded, report.StepBuilding, scm.PhaseGone},
		"never begun":        {report.StepSuperseded, report.StepQueued, ""},
		"never reported":     {report.StepSuperseded, "", ""},
		"of another version": {"", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &forge{}
			r := report.Release{
				UID: "u", Name: "slipway-org-acme/shop-dev-1", Repository: "acme/shop", Commit: "c0ffee", Ref: "refs/heads/main",
				Stage: "dev", Step: tt.step, Before: tt.before, Sentence: "how it is", URL: "https://dev.example",
			}
			if err := New().Release(t.Context(), notify.Destination{Forge: f}, r); err != nil {
				t.Fatal(err)
			}
			var want []scm.Deployment
			if tt.want != "" {
				want = []scm.Deployment{{
					Release: "slipway-org-acme/shop-dev-1", Repository: "acme/shop", Commit: "c0ffee", Ref: "refs/heads/main",
					Stage: "dev", Phase: tt.want, Description: "how it is", URL: "https://dev.example",
				}}
			}
			if diff := cmp.Diff(want, f.set); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A preview has no deployment: none is left of it at the forge when it ends.
func TestPreviewsHaveNoDeployment(t *testing.T) {
	f := &forge{}
	r := report.Release{UID: "u", Repository: "acme/shop", Commit: "c0ffee", Stage: "preview", Preview: true, Step: report.StepLive}
	if err := New().Release(t.Context(), notify.Destination{Forge: f}, r); err != nil || len(f.set) > 0 {
		t.Errorf("%v, deployments %+v", err, f.set)
	}
}

// A deployment is made once, and its id is remembered, unless that failed.
func TestDeploymentsAreMadeOnce(t *testing.T) {
	f, sink := &forge{err: fault.New(fault.Unavailable, "away")}, New()
	to := notify.Destination{Forge: f}
	first := report.Release{UID: "first", Step: report.StepBuilding}
	if err := sink.Release(t.Context(), to, first); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("away: %v", err)
	}
	f.err = nil
	for _, r := range []report.Release{first, {UID: "second", Step: report.StepBuilding}, {UID: "first", Step: report.StepLive}} {
		if err := sink.Release(t.Context(), to, r); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, d := range f.set {
		ids = append(ids, d.ID)
	}
	if diff := cmp.Diff([]string{"", "", "", "2"}, ids); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}
