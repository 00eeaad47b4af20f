//go:build integration

package apply

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/ready"
)

// finish sets a Job's status as its controller would.
func (s *stage) finish(name string, condition batchv1.JobConditionType) {
	s.t.Helper()
	jobs := plane.Client(s.t).BatchV1().Jobs(s.namespace)
	s.patiently("finish "+name, func() error {
		ctx := context.Background()
		job, err := jobs.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		now := metav1.Now()
		if job.Status.StartTime == nil {
			return errors.New("not started")
		}
		conditions := []batchv1.JobCondition{{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue}, {Type: condition, Status: corev1.ConditionTrue}}
		if condition == batchv1.JobFailed {
			conditions[0].Type = batchv1.JobFailureTarget
			job.Status.Failed = 1
			conditions[0].Reason, conditions[1].Reason = "BackoffLimitExceeded", "BackoffLimitExceeded"
		} else {
			job.Status.CompletionTime = &now
			job.Status.Succeeded = 1
		}
		job.Status.Active, job.Status.Ready = 0, new(int32)
		job.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
		job.Status.Conditions = append(job.Status.Conditions, conditions...)
		_, err = jobs.UpdateStatus(ctx, job, metav1.UpdateOptions{})
		return err
	})
}

func hook(image string) string {
	return strings.Replace(job("migrate", image), "metadata: {name: migrate}", "metadata: {name: migrate, annotations: {slipway.dev/hook: release}}", 1)
}

func TestReleaseCommandRunsBeforeWorkloads(t *testing.T) {
	s := newStage(t)
	all := func(version string) string {
		return manifests(configMap("settings", version), hook("registry.example/web:"+version), deployment("web", "registry.example/web:"+version, 1))
	}
	workloads := func() string { return s.field("deploy/web", ".metadata.name") }

	finished := make(chan error, 1)
	go func() {
		_, err := s.applier.Apply(t.Context(), s.set(all("1")))
		finished <- err
	}()
	s.finish("migrate", batchv1.JobFailed)
	err := <-finished
	var failed *ready.HookError
	if !errors.As(err, &failed) || failed.Cause.Code != cause.JobFailed && failed.Cause.Code != cause.Unschedulable {
		t.Fatalf("a failing release command gave %v", err)
	}
	if got := workloads(); got != "" {
		t.Fatalf("workloads were started although the release command failed: %s", got)
	}

	failedUID := s.field("job/migrate", ".metadata.uid")
	asleep := s.set(all("1"))
	asleep.Rests = true
	if _, err := s.applier.Apply(t.Context(), asleep); err != nil || workloads() == "" || s.field("job/migrate", ".metadata.uid") != failedUID {
		t.Fatalf("falling asleep after a failed release command: %v", err)
	}
	s.remove("deploy/web")
	go func() {
		_, err := s.applier.Apply(t.Context(), s.set(all("1")))
		finished <- err
	}()
	s.patiently("the release command runs again", func() error {
		if uid := s.field("job/migrate", ".metadata.uid"); uid == failedUID || uid == "" {
			return errors.New("it is still the failed one")
		}
		return nil
	})
	s.finish("migrate", batchv1.JobComplete)
	if err := <-finished; err != nil {
		t.Fatal(err)
	}
	if got := workloads(); got == "" {
		t.Fatal("workloads were not started after the release command")
	}

	s.traffic.spent()
	if report := s.apply(all("1")); report.Unchanged != 3 {
		t.Errorf("the release command ran again: %+v", report)
	}
	s.remove("job/migrate")
	if report := s.apply(all("1")); report.Unchanged != 3 {
		t.Errorf("a release command that was tidied up ran again: %+v", report)
	}
}

// once is a Job that runs beside the workloads, after those of other services.
func once(service, after string) string {
	return strings.Replace(job(service+"-once", "registry.example/"+service+":1"), "metadata: {name: "+service+"-once}",
		"metadata: {name: "+service+"-once, labels: {slipway.dev/service: "+service+"}, annotations: {slipway.dev/hook: once, slipway.dev/after: \""+after+"\"}}", 1)
}

func TestWhatWaitsForAJobStartsWhenItHasCompleted(t *testing.T) {
	s := newStage(t)
	web := strings.Replace(deployment("web", "registry.example/web:1", 1), "  name: web\n", "  name: web\n  annotations: {slipway.dev/after: \"seed\"}\n", 1)
	all := manifests(web, once("seed", "migrate"), once("migrate", ""), deployment("db", "registry.example/db:1", 1))
	there := func(object string) bool { return s.field(object, ".metadata.name") != "" }

	finished := make(chan error, 1)
	go func() {
		_, err := s.applier.Apply(t.Context(), s.set(all))
		finished <- err
	}()
	s.patiently("the first Job starts", func() error {
		if !there("job/migrate-once") {
			return errors.New("it is not there")
		}
		return nil
	})
	if !there("deploy/db") || there("job/seed-once") || there("deploy/web") {
		t.Error("what waits for nothing does not run beside the first Job, or something did not wait for it")
	}
	s.finish("migrate-once", batchv1.JobComplete)
	s.patiently("the second Job starts", func() error {
		if !there("job/seed-once") {
			return errors.New("it is not there")
		}
		return nil
	})
	if there("deploy/web") {
		t.Error("web did not wait for the second Job")
	}
	s.finish("seed-once", batchv1.JobComplete)
	if err := <-finished; err != nil {
		t.Fatal(err)
	}
	if !there("deploy/web") {
		t.Error("web was not started")
	}
	s.remove("job/migrate-once")
	if report := s.apply(all); report.Unchanged != 4 {
		t.Errorf("a Job that was tidied up ran again: %+v", report)
	}
}

func TestReleaseCommandHasADeadline(t *testing.T) {
	s := newStage(t)
	s.other(hook("registry.example/web:1"))
	err := s.applier.ready.WaitForJob(t.Context(), s.ref("job/migrate"), 300*time.Millisecond)
	var failed *ready.HookError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "did not complete within 300ms") {
		t.Fatalf("%v, want a deadline", err)
	}
}
