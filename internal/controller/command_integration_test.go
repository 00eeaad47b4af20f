//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// finish ends the Job that runs in a namespace, as its pods would.
func (p *team) finish(namespace string, how batchv1.JobConditionType) {
	p.t.Helper()
	p.eventually("a Job ends", func() error {
		var jobs batchv1.JobList
		if err := env.Client.List(p.t.Context(), &jobs, client.InNamespace(namespace)); err != nil {
			return err
		}
		for i := range jobs.Items {
			job := &jobs.Items[i]
			if len(job.Status.Conditions) > 0 || job.Status.StartTime == nil {
				continue
			}
			now := metav1.Now()
			before, first := batchv1.JobSuccessCriteriaMet, how
			if how == batchv1.JobFailed {
				before, job.Status.Failed = batchv1.JobFailureTarget, 1
			} else {
				job.Status.Succeeded, job.Status.CompletionTime = 1, &now
			}
			job.Status.Active, job.Status.Ready, job.Status.UncountedTerminatedPods = 0, new(int32), &batchv1.UncountedTerminatedPods{}
			for _, kind := range []batchv1.JobConditionType{before, first} {
				job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", LastTransitionTime: now})
			}
			return env.Client.Status().Update(p.t.Context(), job)
		}
		return fmt.Errorf("none runs among %d", len(jobs.Items))
	})
}

func TestReleaseCommandRunsBeforeTraffic(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/migrates", "1")
	if err != nil {
		t.Fatal(err)
	}
	file := func(command string) map[string]string {
		return map[string]string{"slipway.yaml": projectFile(devStage, "  web: {image: \""+image+"\", port: 8080, release: {command: ["+command+"]}}\n")}
	}
	p := join(t, "command", file("./migrate"), nil)
	namespace := p.stageNamespace("dev")
	started := func() bool {
		err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "web"}, &appsv1.Deployment{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		return err == nil
	}
	p.finish(namespace, batchv1.JobFailed)
	failed := p.reaches("dev", p.head("main"), v1alpha1.PhaseFailed)
	if !strings.Contains(failed.Status.Message, "the command of Job web-release-") || !strings.Contains(failed.Status.Message, "so what comes after it was not started") {
		t.Errorf("%s: %s", failed.Status.Cause, failed.Status.Message)
	}
	if started() {
		t.Error("the new version was started although its release command failed")
	}
	commit := p.push("main", "dev", file("./migrate, up"))
	p.finish(namespace, batchv1.JobComplete)
	p.kubelet(namespace)
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	if !started() {
		t.Error("the new version was not started after its release command")
	}
}
