package kaniko

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/printable"
)

// fail fills in why a build failed: the deadline, the node, memory, or the
// first container that ended badly.
func fail(state *build.State, job *batchv1.Job, pod *corev1.Pod, failed *batchv1.JobCondition) {
	state.Phase = build.Failed
	if failed != nil && failed.Reason == batchv1.JobReasonDeadlineExceeded {
		deadline := time.Duration(ptr.Deref(job.Spec.ActiveDeadlineSeconds, 0)) * time.Second
		state.Cause = build.CauseDeadline
		state.Message = fmt.Sprintf("the build did not finish within %s; make it faster, or raise the limit of builds", deadline)
		return
	}
	if pod == nil {
		state.Cause = build.CauseCancelled
		state.Message = "the build's pod is gone, so why it failed is not known; start it again"
		return
	}
	if pod.DeletionTimestamp != nil {
		state.Cause = build.CauseCancelled
		state.Message = "the build's pod was deleted while it ran; start it again"
		return
	}
	if gone := nodeTrouble(pod); gone != "" {
		state.Cause = build.CauseNode
		state.Message = fmt.Sprintf("the node ended the build: %s; start it again", strings.TrimRight(gone, ". "))
		return
	}
	for _, status := range allStatuses(pod) {
		end := status.State.Terminated
		if end != nil && (end.ExitCode != 0 || end.Reason == reasonOOM) {
			blame(state, job, status.Name, end)
			return
		}
	}
	state.Cause = build.CauseNode
	state.Message = "the build's pod failed and no container says why; start it again"
}

// reasonOOM is the reason of a container that the kernel killed.
const reasonOOM = "OOMKilled"

// nodeTrouble returns why the node, and not a container, ended a pod.
func nodeTrouble(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return cmp.Or(c.Message, c.Reason)
		}
	}
	switch pod.Status.Reason {
	case "Evicted", "NodeLost", "NodeShutdown", "Terminated", "Preempting", "UnexpectedAdmissionError":
		return cmp.Or(pod.Status.Message, pod.Status.Reason)
	}
	return ""
}

// blame says what a container's bad end means.
func blame(state *build.State, job *batchv1.Job, container string, end *corev1.ContainerStateTerminated) {
	if end.Reason == reasonOOM {
		state.Cause = build.CauseMemory
		state.Message = outOfMemory(job, container)
		return
	}
	reason := lastLine(end.Message)
	if reason == "" {
		reason = fmt.Sprintf("exit status %d", end.ExitCode)
	}
	switch container {
	case containerSource:
		state.Cause = build.CauseSource
		state.Message = "the build could not get its source: " + reason
	case containerPush:
		state.Cause = build.CausePush
		state.Message = "the image was built but not pushed: " + reason
	default:
		d := diagnose(end.Message, nil)
		state.Cause = build.CauseDockerfile
		state.Message = d.message("Dockerfile")
		if d.killed {
			state.Cause = build.CauseMemory
			state.Message = outOfMemory(job, container)
		}
	}
}

func outOfMemory(job *batchv1.Job, container string) string {
	limit := "all"
	spec := job.Spec.Template.Spec
	for _, c := range append(append([]corev1.Container{}, spec.InitContainers...), spec.Containers...) {
		if c.Name == container && !c.Resources.Limits.Memory().IsZero() {
			limit = c.Resources.Limits.Memory().String()
		}
	}
	return fmt.Sprintf("the build ran out of its %s of memory; make it need less, or raise the memory limit of builds", limit)
}

// lastLine returns the last line of a log that says something.
func lastLine(log string) string {
	lines := strings.Split(log, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if line := printable.Excerpt(lines[i], maxMessageBytes); line != "" {
			return line
		}
	}
	return ""
}
