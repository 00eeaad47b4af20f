package ready

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

var errHookDeadline = errors.New("the release command took too long")

// WaitForJob waits until a release Job completed. Its failure is explained
// with the last lines that the command wrote.
func (c *Clients) WaitForJob(ctx context.Context, ref inventory.Ref, deadline time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, errHookDeadline)
	defer cancel()
	watching, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	signal := make(chan struct{}, 1)
	changed := func() {
		select {
		case signal <- struct{}{}:
		default:
		}
	}
	jobs, pods := newStore[*batchv1.Job](changed), newStore[*corev1.Pod](changed)
	group.Go(func() { c.jobs(ref).Follow(watching, &batchv1.Job{}, jobs) })
	group.Go(func() { c.pods(ref.Namespace, "job-name="+ref.Name).Follow(watching, &corev1.Pod{}, pods) })
	for {
		if job, ok := jobs.get(ref.Name); ok {
			if jobCondition(job, batchv1.JobComplete) != nil {
				return nil
			}
			if failure := jobCondition(job, batchv1.JobFailed); failure != nil {
				return c.hookFailed(ctx, ref, job, pods.all(), "failed")
			}
		}
		select {
		case <-signal:
		case <-ctx.Done():
			if !errors.Is(context.Cause(ctx), errHookDeadline) {
				return context.Cause(ctx)
			}
			job, _ := jobs.get(ref.Name)
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), logTimeout)
			defer cancel()
			return c.hookFailed(late, ref, job, pods.all(), "did not complete within "+deadline.String())
		}
	}
}

// jobs returns one Job as a collection.
func (c *Clients) jobs(ref inventory.Ref) cluster.Collection {
	jobs := c.batch.Jobs(ref.Namespace)
	return cluster.Collection{
		Fields: "metadata.name=" + ref.Name,
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return jobs.List(ctx, o)
		},
		Watch: jobs.Watch,
	}
}

// hookFailed explains a release command that failed or took too long.
func (c *Clients) hookFailed(ctx context.Context, ref inventory.Ref, job *batchv1.Job, pods []*corev1.Pod, how string) error {
	failure := &HookError{Ref: ref, Cause: cause.Cause{Code: cause.JobFailed, Object: ref.String()}}
	if job != nil {
		evidence := cause.Evidence{Pods: pods, Warnings: c.warningsNow(ctx, ref.Namespace)}
		if found, ok := cause.Diagnose(cause.Workload{Kind: "Job", Name: job.Name, UID: job.UID}, evidence); ok {
			failure.Cause = found
			if found.Log != nil {
				failure.Cause.Detail = c.lastLines(ctx, ref.Namespace, *found.Log)
			}
		}
	}
	why := failure.Cause.Sentence
	if why == "" {
		why = "its pods say nothing"
	}
	failure.Cause.Sentence = "the command of " + ref.String() + " " + how + ", so what comes after it was not started: " + why
	return failure
}

// maxWarnings is how many warnings of a namespace are looked at.
const maxWarnings = 1000

// warningsNow reads the warnings of a namespace once; none when they can't be
// had.
func (c *Clients) warningsNow(ctx context.Context, namespace string) []*corev1.Event {
	list, err := c.core.Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=" + corev1.EventTypeWarning, Limit: maxWarnings})
	if err != nil {
		return nil
	}
	events := make([]*corev1.Event, len(list.Items))
	for at := range list.Items {
		events[at] = &list.Items[at]
	}
	return events
}

// HookError is a release command that failed.
type HookError struct {
	Ref   inventory.Ref
	Cause cause.Cause
}

// Error implements error.
func (e *HookError) Error() string { return e.Cause.Sentence }

// Unwrap returns the coded error that users may read.
func (e *HookError) Unwrap() error { return fault.New(fault.Invalid, "%s", e.Cause.Sentence) }

// JobFailed reports whether there is a Job that failed.
func (c *Clients) JobFailed(ctx context.Context, ref inventory.Ref) (bool, error) {
	return c.jobHas(ctx, ref, batchv1.JobFailed)
}

// JobEnded reports whether there is a Job that completed or failed.
func (c *Clients) JobEnded(ctx context.Context, ref inventory.Ref) (bool, error) {
	return c.jobHas(ctx, ref, batchv1.JobFailed, batchv1.JobComplete)
}

// jobHas reports whether there is a Job of which one of the conditions holds.
func (c *Clients) jobHas(ctx context.Context, ref inventory.Ref, conditions ...batchv1.JobConditionType) (bool, error) {
	job, err := c.batch.Jobs(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, refusal.Explain(ref, err)
	}
	return slices.ContainsFunc(conditions, func(kind batchv1.JobConditionType) bool { return jobCondition(job, kind) != nil }), nil
}

// jobCondition returns a condition of a Job that holds, nil when it does not.
func jobCondition(job *batchv1.Job, kind batchv1.JobConditionType) *batchv1.JobCondition {
	for at := range job.Status.Conditions {
		if c := &job.Status.Conditions[at]; c.Type == kind && c.Status == "True" {
			return c
		}
	}
	return nil
}
