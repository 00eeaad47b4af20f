//go:build integration

package apply

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/slipway-dev/slipway/internal/apply/ready"
	"github.com/slipway-dev/slipway/internal/fault"
)

// A changed Job runs in the place of one whose run is over, and ends none that goes on
// unless it may.
func TestEndedJobIsMadeAnew(t *testing.T) {
	for _, outcome := range []batchv1.JobConditionType{batchv1.JobComplete, batchv1.JobFailed} {
		t.Run(string(outcome), func(t *testing.T) {
			s := newStage(t)
			s.apply(job("seed", "registry.example/a:1"))
			before := s.field("job/seed", ".metadata.uid")
			if _, err := s.applier.Apply(t.Context(), s.set(job("seed", "registry.example/a:2"))); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("a Job that runs: %v", err)
			}
			s.finish("seed", outcome)
			if report := s.apply(job("seed", "registry.example/a:2")); len(report.Replaced) != 1 || s.field("job/seed", ".metadata.uid") == before {
				t.Errorf("%+v, the Job is the same: %t", report, s.field("job/seed", ".metadata.uid") == before)
			}
		})
	}
}

// A Job that finished and went by itself counts as done for as long as it stays as it
// is.
func TestFinishedJobIsNotWaitedFor(t *testing.T) {
	s := newStage(t)
	once := strings.Replace(job("once", "registry.example/a:1"), "spec:\n", "spec:\n  ttlSecondsAfterFinished: 5\n", 1)
	if report := s.apply(manifests(once, configMap("a", "1"))); len(report.Targets) != 1 || !report.Targets[0].Vanishes {
		t.Errorf("it waits for %+v", report.Targets)
	}
	s.remove("job/once")
	report := s.apply(manifests(once, configMap("a", "2")))
	if len(report.Targets) != 0 || len(report.Changed) != 1 || len(report.Created) != 0 {
		t.Errorf("%+v", report)
	}
	states, err := s.applier.Wait(t.Context(), []ready.Target{{Ref: s.ref("job/once"), Service: "once", Vanishes: true}}, ready.Options{Namespace: s.namespace})
	if err != nil || len(states) != 1 || !states[0].Done {
		t.Errorf("%+v, %v", states, err)
	}
}
