package kaniko

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/build"
)

var (
	began = metav1.NewTime(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	ended = metav1.NewTime(time.Date(2026, 1, 1, 12, 5, 0, 0, time.UTC))
)

func jobIn(t *testing.T, conditions ...batchv1.JobCondition) *batchv1.Job {
	t.Helper()
	job, err := NewJob(testRequest(t), testConfig())
	if err != nil {
		t.Fatal(err)
	}
	job.Status.Conditions = conditions
	return job
}

func jobCondition(kind batchv1.JobConditionType, reason string) batchv1.JobCondition {
	return batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, LastTransitionTime: ended}
}

func podIn(phase corev1.PodPhase, statuses ...corev1.ContainerStatus) corev1.Pod {
	pod := corev1.Pod{Status: corev1.PodStatus{Phase: phase, StartTime: &began}}
	for _, status := range statuses {
		if status.Name == containerPush {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
		} else {
			pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, status)
		}
	}
	return pod
}

func exited(name string, code int32, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, Message: message, FinishedAt: ended,
	}}}
}

func running(name string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}}
}

func waiting(name, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, Image: "the/image", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func TestStateOf(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	done := exited(containerSource, 0, "Completed", "")
	built := exited(containerKaniko, 0, "Completed", digest)
	failed := jobCondition(batchv1.JobFailed, batchv1.JobReasonBackoffLimitExceeded)
	unscheduled := podIn(corev1.PodPending)
	unscheduled.Status.StartTime = nil
	unscheduled.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes are available: 1 Insufficient memory."}}
	evicted := podIn(corev1.PodFailed, done, exited(containerKaniko, 137, "Error", ""))
	evicted.Status.Reason, evicted.Status.Message = "Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 20Gi. "
	disrupted := podIn(corev1.PodFailed, done, exited(containerKaniko, 137, "Error", ""))
	disrupted.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "DeletionByTaintManager", Message: "node is gone"}}
	deleted := podIn(corev1.PodFailed, done, exited(containerKaniko, 137, "Error", ""))
	deleted.DeletionTimestamp = &ended
	older, newer := podIn(corev1.PodFailed, exited(containerSource, 1, "Error", "old")), podIn(corev1.PodRunning, running(containerSource))
	older.CreationTimestamp, newer.CreationTimestamp = began, ended

	tests := map[string]struct {
		conditions []batchv1.JobCondition
		pods       []corev1.Pod
		want       build.State
	}{
		"no pod yet": {
			want: build.State{Phase: build.Pending, Message: "the build waits for its pod; if this lasts, look at the quota and the events of the build namespace"},
		},
		"no node": {
			pods: []corev1.Pod{unscheduled},
			want: build.State{Phase: build.Pending, Message: "the build waits for a node: 0/1 nodes are available: 1 Insufficient memory."},
		},
		"image can't be pulled": {
			pods: []corev1.Pod{podIn(corev1.PodPending, waiting(containerSource, "ImagePullBackOff", "not found"))},
			want: build.State{Phase: build.Pending, StartedAt: began.Time, Message: "the build's container source cannot start from image the/image: ImagePullBackOff: not found"},
		},
		"starting": {
			pods: []corev1.Pod{podIn(corev1.PodPending, waiting(containerSource, "PodInitializing", ""), waiting(containerPush, "ContainerCreating", ""))},
			want: build.State{Phase: build.Pending, StartedAt: began.Time, Message: "the build's pod is starting"},
		},
		"fetching": {
			pods: []corev1.Pod{podIn(corev1.PodPending, running(containerSource))},
			want: build.State{Phase: build.Running, StartedAt: began.Time},
		},
		"building": {
			pods: []corev1.Pod{podIn(corev1.PodPending, done, running(containerKaniko))},
			want: build.State{Phase: build.Running, StartedAt: began.Time},
		},
		"the newest pod counts": {
			pods: []corev1.Pod{newer, older},
			want: build.State{Phase: build.Running, StartedAt: began.Time},
		},
		"succeeded": {
			conditions: []batchv1.JobCondition{jobCondition(batchv1.JobComplete, "")},
			pods:       []corev1.Pod{podIn(corev1.PodSucceeded, done, built, exited(containerPush, 0, "Completed", digest+"\n"))},
			want:       build.State{Phase: build.Succeeded, StartedAt: began.Time, Digest: digest},
		},
		"pushed, and the Job doesn't know it yet": {
			pods: []corev1.Pod{podIn(corev1.PodRunning, done, built, exited(containerPush, 0, "Completed", digest+"\n"))},
			want: build.State{Phase: build.Succeeded, StartedAt: began.Time, FinishedAt: ended.Time, Digest: digest},
		},
		"the push failed with a digest": {
			pods: []corev1.Pod{podIn(corev1.PodRunning, done, built, exited(containerPush, 1, "Error", digest+"\n"))},
			want: build.State{Phase: build.Running, StartedAt: began.Time},
		},
		"succeeded, pod gone": {
			conditions: []batchv1.JobCondition{jobCondition(batchv1.JobComplete, "")},
			want:       build.State{Phase: build.Succeeded},
		},
		"succeeded, no digest": {
			conditions: []batchv1.JobCondition{jobCondition(batchv1.JobComplete, "")},
			pods:       []corev1.Pod{podIn(corev1.PodSucceeded, exited(containerPush, 0, "Completed", "sha256:zz"))},
			want:       build.State{Phase: build.Succeeded, StartedAt: began.Time},
		},
		"instruction failed": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{podIn(corev1.PodFailed, done, exited(containerKaniko, 3, "Error", "INFO[0001] RUN make\nmake: no target\nerror building image: error building stage: failed to execute command: waiting for process to exit: exit status 3\n"))},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseDockerfile, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "Dockerfile: exit status 3: make: no target",
			},
		},
		"known before the Job's condition": {
			pods: []corev1.Pod{podIn(corev1.PodFailed, exited(containerSource, 1, "Error", "slipway: the Slipway server refused\n\n"))},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseSource, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the build could not get its source: slipway: the Slipway server refused",
			},
		},
		"out of memory": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{podIn(corev1.PodFailed, done, exited(containerKaniko, 137, "OOMKilled", "INFO[0001] RUN x\n"))},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseMemory, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the build ran out of its 4Gi of memory; make it need less, or raise the memory limit of builds",
			},
		},
		"push ran out of memory": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{podIn(corev1.PodFailed, done, built, exited(containerPush, 137, "OOMKilled", ""))},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseMemory, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the build ran out of its 512Mi of memory; make it need less, or raise the memory limit of builds",
			},
		},
		"a process was killed": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{podIn(corev1.PodFailed, done, exited(containerKaniko, 255, "Error", "error building image: error building stage: failed to execute command: waiting for process to exit: signal: killed"))},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseMemory, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the build ran out of its 4Gi of memory; make it need less, or raise the memory limit of builds",
			},
		},
		"too slow": {
			conditions: []batchv1.JobCondition{jobCondition(batchv1.JobFailed, batchv1.JobReasonDeadlineExceeded)},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseDeadline, FinishedAt: ended.Time,
				Message: "the build did not finish within 30m0s; make it faster, or raise the limit of builds",
			},
		},
		"too slow, its pod still there": {
			conditions: []batchv1.JobCondition{jobCondition(batchv1.JobFailureTarget, batchv1.JobReasonDeadlineExceeded)},
			pods:       []corev1.Pod{podIn(corev1.PodFailed, done, exited(containerKaniko, 137, "Error", ""))},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseDeadline, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the build did not finish within 30m0s; make it faster, or raise the limit of builds",
			},
		},
		"pod being deleted, reason not known yet": {
			pods: []corev1.Pod{deleted},
			want: build.State{Phase: build.Running, StartedAt: began.Time},
		},
		"pod deleted while it ran": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{deleted},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseCancelled, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the build's pod was deleted while it ran; start it again",
			},
		},
		"push denied": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{podIn(corev1.PodFailed, done, built, exited(containerPush, 1, "Error", "slipway: the registry denied the push to r/x; check\n"))},
			want: build.State{
				Phase: build.Failed, Cause: build.CausePush, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the image was built but not pushed: slipway: the registry denied the push to r/x; check",
			},
		},
		"push without a word": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{podIn(corev1.PodFailed, done, built, exited(containerPush, 2, "Error", "\n"))},
			want: build.State{
				Phase: build.Failed, Cause: build.CausePush, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the image was built but not pushed: exit status 2",
			},
		},
		"evicted": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{evicted},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseNode, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the node ended the build: Pod ephemeral local storage usage exceeds the total limit of containers 20Gi; start it again",
			},
		},
		"node went away": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{disrupted},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseNode, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the node ended the build: node is gone; start it again",
			},
		},
		"pod deleted": {
			conditions: []batchv1.JobCondition{failed},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseCancelled, FinishedAt: ended.Time,
				Message: "the build's pod is gone, so why it failed is not known; start it again",
			},
		},
		"nobody says why": {
			conditions: []batchv1.JobCondition{failed},
			pods:       []corev1.Pod{podIn(corev1.PodFailed)},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseNode, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the build's pod failed and no container says why; start it again",
			},
		},
		"control characters": {
			pods: []corev1.Pod{podIn(corev1.PodFailed, exited(containerSource, 1, "Error", "a\x1b[31mb\x00c"))},
			want: build.State{
				Phase: build.Failed, Cause: build.CauseSource, StartedAt: began.Time, FinishedAt: ended.Time,
				Message: "the build could not get its source: ab\ufffdc",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			job := jobIn(t, test.conditions...)
			test.want.Job = build.Job{Namespace: job.Namespace, Name: job.Name}
			if diff := cmp.Diff(test.want, StateOf(job, test.pods)); diff != "" {
				t.Errorf("state differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessagesAreBounded(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	job := jobIn(t)
	for _, pods := range [][]corev1.Pod{
		{podIn(corev1.PodFailed, exited(containerSource, 1, "Error", long))},
		{podIn(corev1.PodFailed, exited(containerKaniko, 1, "Error", "RUN\n"+long+"\nerror building image: "+long))},
		{podIn(corev1.PodFailed, exited(containerPush, 1, "Error", long))},
		{podIn(corev1.PodPending, waiting(containerSource, "X", long))},
	} {
		if state := StateOf(job, pods); len(state.Message) > maxMessageBytes || state.Message == "" {
			t.Errorf("message of %d bytes", len(state.Message))
		}
	}
}
