package kaniko

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/printable"
)

// maxMessageBytes bounds a message; a status has room for four times as much.
const maxMessageBytes = 1024

// StateOf returns how a build stands, from its Job and the Job's pods as the
// cluster reports them. It is pure. The message of a failed Dockerfile gets
// better with the log (Explain).
func StateOf(job *batchv1.Job, pods []corev1.Pod) build.State {
	state := build.State{
		Phase: build.Pending,
		Job:   build.Job{Namespace: job.Namespace, Name: job.Name},
	}
	pod := newest(pods)
	if pod != nil && pod.Status.StartTime != nil {
		state.StartedAt = pod.Status.StartTime.Time
	}
	if job.Status.CompletionTime != nil {
		state.FinishedAt = job.Status.CompletionTime.Time
	}
	failed := condition(job, batchv1.JobFailed)
	if failed == nil {
		failed = condition(job, batchv1.JobFailureTarget) // sure to fail, its pod is being ended
	}
	switch {
	case condition(job, batchv1.JobComplete) != nil:
		state.Phase = build.Succeeded
		state.Digest = digestOf(pod)
	case digestOf(pod) != "":
		// The image is in the registry; the Job's own record comes a second or two later.
		state.Phase, state.Digest, state.FinishedAt = build.Succeeded, digestOf(pod), finishedAt(pod)
	case failed != nil:
		state.FinishedAt = failed.LastTransitionTime.Time
		fail(&state, job, pod, failed)
	case pod != nil && pod.Status.Phase == corev1.PodFailed && pod.DeletionTimestamp == nil:
		state.FinishedAt = finishedAt(pod)
		fail(&state, job, pod, nil)
	case pod != nil && started(pod):
		state.Phase = build.Running
	default:
		state.Message = waitsFor(pod)
	}
	state.Message = printable.Excerpt(state.Message, maxMessageBytes)
	return state
}

// newest returns the pod that was made last; a Job of ours has one at most,
// unless somebody deleted it.
func newest(pods []corev1.Pod) *corev1.Pod {
	var found *corev1.Pod
	for i := range pods {
		if found == nil || found.CreationTimestamp.Before(&pods[i].CreationTimestamp) {
			found = &pods[i]
		}
	}
	return found
}

func condition(job *batchv1.Job, kind batchv1.JobConditionType) *batchv1.JobCondition {
	for i := range job.Status.Conditions {
		c := &job.Status.Conditions[i]
		if c.Type == kind && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return nil
}

// digestOf returns what the push container reported.
func digestOf(pod *corev1.Pod) string {
	if pod == nil {
		return ""
	}
	end := ending(pod.Status.ContainerStatuses, containerPush)
	if end == nil || end.ExitCode != 0 {
		return ""
	}
	digest := strings.TrimSpace(end.Message)
	if !digestForm.MatchString(digest) {
		return ""
	}
	return digest
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// ending returns how a container ended, nil while it hasn't.
func ending(statuses []corev1.ContainerStatus, name string) *corev1.ContainerStateTerminated {
	for i := range statuses {
		if statuses[i].Name == name {
			return statuses[i].State.Terminated
		}
	}
	return nil
}

// started reports whether any container has begun.
func started(pod *corev1.Pod) bool {
	for _, status := range allStatuses(pod) {
		if status.State.Running != nil || status.State.Terminated != nil {
			return true
		}
	}
	return false
}

func allStatuses(pod *corev1.Pod) []corev1.ContainerStatus {
	statuses := append([]corev1.ContainerStatus{}, pod.Status.InitContainerStatuses...)
	return append(statuses, pod.Status.ContainerStatuses...)
}

func finishedAt(pod *corev1.Pod) time.Time {
	var latest time.Time
	for _, status := range allStatuses(pod) {
		if end := status.State.Terminated; end != nil && end.FinishedAt.After(latest) {
			latest = end.FinishedAt.Time
		}
	}
	return latest
}

// waitsFor returns why a build has not started.
func waitsFor(pod *corev1.Pod) string {
	if pod == nil {
		return "the build waits for its pod; if this lasts, look at the quota and the events of the build namespace"
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return "the build waits for a node: " + c.Message
		}
	}
	for _, status := range allStatuses(pod) {
		waiting := status.State.Waiting
		if waiting == nil || waiting.Reason == "PodInitializing" || waiting.Reason == "ContainerCreating" {
			continue
		}
		return fmt.Sprintf("the build's container %s cannot start from image %s: %s: %s", status.Name, status.Image, waiting.Reason, waiting.Message)
	}
	return "the build's pod is starting"
}
