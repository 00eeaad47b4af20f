package cause

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/internal/printable"
)

// diagnosePod returns why one pod does not run well, nil when nothing speaks
// against it. Warnings are about the pod, newest first.
func diagnosePod(pod *corev1.Pod, warnings []*corev1.Event) *Cause {
	if pod.Status.Phase == corev1.PodSucceeded {
		return nil
	}
	statuses := slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses)
	for _, find := range []func(*corev1.Pod, corev1.ContainerStatus, []*corev1.Event) *Cause{pullFailure, startFailure, memoryFailure, crash} {
		for _, status := range statuses {
			if c := find(pod, status, warnings); c != nil {
				c.Object = "Pod " + pod.Name
				return c
			}
		}
	}
	for _, find := range []func(*corev1.Pod, []*corev1.Event) *Cause{eviction, mountFailure, unschedulable, unready} {
		if c := find(pod, warnings); c != nil {
			c.Object = "Pod " + pod.Name
			return c
		}
	}
	return nil
}

// containerName names a container in a sentence.
func containerName(pod *corev1.Pod, container string) string {
	if len(pod.Spec.Containers)+len(pod.Spec.InitContainers) < 2 {
		return "Pod " + pod.Name
	}
	return "Pod " + pod.Name + ", container " + container
}

func pullFailure(pod *corev1.Pod, status corev1.ContainerStatus, warnings []*corev1.Event) *Cause {
	waiting := status.State.Waiting
	if waiting == nil || !slices.Contains([]string{"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable", "ImageInspectError"}, waiting.Reason) {
		return nil
	}
	words := waiting.Message
	if waiting.Reason == "ImagePullBackOff" || words == "" {
		for _, event := range warnings {
			if event.Reason == "Failed" && strings.HasPrefix(event.Message, "Failed to pull image") {
				words = event.Message
				break
			}
		}
	}
	words = quote(words)
	c := &Cause{Code: ImagePull, Grace: time.Minute}
	remedy := "see whether the registry can be reached from the nodes"
	switch lower := strings.ToLower(words); {
	case waiting.Reason == "InvalidImageName":
		c.Grace, remedy = 0, "correct the image's name"
	case containsAny(lower, "unauthorized", "authentication required", "denied", "403 forbidden", "no basic auth"):
		c.Grace, remedy = 0, "give the cluster credentials for the registry, or correct the image's name"
	case containsAny(lower, "not found", "manifest unknown", "name unknown", "does not exist"):
		c.Grace, remedy = 0, "push the image, or correct its name"
	}
	c.Sentence = fmt.Sprintf("%s: image %s can't be pulled: %s; %s", containerName(pod, status.Name), status.Image, words, remedy)
	return c
}

func startFailure(pod *corev1.Pod, status corev1.ContainerStatus, _ []*corev1.Event) *Cause {
	reason, words := "", ""
	if w := status.State.Waiting; w != nil {
		reason, words = w.Reason, w.Message
	}
	if t := status.LastTerminationState.Terminated; t != nil && isStartError(t.Reason) && (reason == "" || reason == "CrashLoopBackOff") {
		reason, words = t.Reason, t.Message
	}
	if t := status.State.Terminated; t != nil && isStartError(t.Reason) {
		reason, words = t.Reason, t.Message
	}
	c := &Cause{Code: StartFailed, Grace: 30 * time.Second}
	remedy := "correct the service's command or settings"
	words = quote(words)
	switch {
	case reason != "" && strings.Contains(words, "MOUNT_ATTR_IDMAP"):
		c.Grace, remedy = 0, "the file system of that volume can't map users, which a user namespace needs (NFS can't): take a volume of another storage class, or ask the platform team for spec.policy.podSecurity: restricted or baseline of the Project"
	case reason == "CreateContainerConfigError" && containsAny(words, "not found", "couldn't find key", "could not find key"):
		c.Code, remedy = ConfigMissing, "create it in namespace "+pod.Namespace+", or remove it from the service"
	case reason == "CreateContainerConfigError" && strings.Contains(words, "runAsNonRoot"):
		c.Grace, remedy = 0, "give the image a numeric USER, or set security.runAsUser for the service"
	case reason == "CreateContainerConfigError", reason == "CreateContainerError", reason == "RunContainerError":
	case isStartError(reason):
		c.Grace = restartPatience(status)
	default:
		return nil
	}
	c.Sentence = fmt.Sprintf("%s can't start: %s; %s", containerName(pod, status.Name), words, remedy)
	return c
}

func isStartError(reason string) bool {
	return reason == "StartError" || reason == "ContainerCannotRun"
}

// certainRestarts is how many restarts make a crash certain to come again.
const certainRestarts = 2

func restartPatience(status corev1.ContainerStatus) time.Duration {
	if status.RestartCount >= certainRestarts {
		return 0
	}
	return Never
}

func memoryFailure(pod *corev1.Pod, status corev1.ContainerStatus, _ []*corev1.Event) *Cause {
	t := lastTermination(status)
	if t == nil || t.Reason != "OOMKilled" || status.Ready {
		return nil
	}
	limit := "its memory limit"
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if quantity, ok := container.Resources.Limits[corev1.ResourceMemory]; ok && container.Name == status.Name {
			limit += " of " + quantity.String()
		}
	}
	return &Cause{
		Code: OutOfMemory, Grace: crashPatience(pod, status), Log: logOf(pod, status),
		Sentence: fmt.Sprintf("%s was killed because it used more than %s%s; raise resources.memory of the service, or let it use less", containerName(pod, status.Name), limit, restartWords(status)),
	}
}

func crash(pod *corev1.Pod, status corev1.ContainerStatus, warnings []*corev1.Event) *Cause {
	t := lastTermination(status)
	if t == nil || status.Ready {
		return nil
	}
	if t.ExitCode == 0 && (status.State.Terminated != nil || pod.Spec.RestartPolicy != corev1.RestartPolicyAlways) {
		return nil
	}
	for _, event := range warnings {
		if event.Reason == "Unhealthy" && strings.HasPrefix(event.Message, "Liveness probe failed") {
			return &Cause{
				Code: ProbeFailing, Grace: crashPatience(pod, status), Log: logOf(pod, status),
				Sentence: fmt.Sprintf("%s is restarted because it does not answer its health check%s: %s; correct the service or its health path", containerName(pod, status.Name), restartWords(status), quote(event.Message)),
			}
		}
	}
	remedy := "its last lines say why"
	if t.ExitCode == 0 {
		remedy = "a service must keep running: start it in the foreground, or make it a release command or a schedule"
	}
	return &Cause{
		Code: CrashLoop, Grace: crashPatience(pod, status), Log: logOf(pod, status),
		Sentence: fmt.Sprintf("%s %s%s; %s", containerName(pod, status.Name), exitWords(t), restartWords(status), remedy),
	}
}

// lastTermination returns how a container last ended, nil when it never did or runs
// well since.
func lastTermination(status corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if status.State.Terminated != nil {
		return status.State.Terminated
	}
	if status.RestartCount > 0 || status.State.Waiting != nil {
		return status.LastTerminationState.Terminated
	}
	return nil
}

// crashPatience is none once a crash came again and again, or when nothing
// restarts the container.
func crashPatience(pod *corev1.Pod, status corev1.ContainerStatus) time.Duration {
	if pod.Spec.RestartPolicy == corev1.RestartPolicyNever {
		return Never // its Job decides
	}
	return restartPatience(status)
}

func logOf(pod *corev1.Pod, status corev1.ContainerStatus) *Log {
	return &Log{Pod: pod.Name, Container: status.Name, Previous: status.State.Terminated == nil}
}

func exitWords(t *corev1.ContainerStateTerminated) string {
	switch {
	case t.Signal != 0:
		return fmt.Sprintf("was ended by signal %d", t.Signal)
	case t.ExitCode == 0:
		return "ended by itself with exit code 0"
	case t.ExitCode > 128 && t.ExitCode < 160:
		return fmt.Sprintf("was ended with exit code %d (signal %d)", t.ExitCode, t.ExitCode-128)
	}
	return fmt.Sprintf("crashed with exit code %d", t.ExitCode)
}

func restartWords(status corev1.ContainerStatus) string {
	switch status.RestartCount {
	case 0:
		return ""
	case 1:
		return " and was restarted once"
	}
	return fmt.Sprintf(" and was restarted %d times", status.RestartCount)
}

func eviction(pod *corev1.Pod, _ []*corev1.Event) *Cause {
	if pod.Status.Phase != corev1.PodFailed || pod.Status.Reason == "" {
		return nil
	}
	return &Cause{
		Code: Evicted, Grace: Never,
		Sentence: fmt.Sprintf("Pod %s was stopped by the cluster (%s): %s; see whether the nodes have room", pod.Name, printable.Excerpt(pod.Status.Reason, 60), quote(pod.Status.Message)),
	}
}

func mountFailure(pod *corev1.Pod, warnings []*corev1.Event) *Cause {
	if pod.Status.Phase != corev1.PodPending {
		return nil
	}
	for _, event := range warnings {
		words := quote(event.Message)
		switch event.Reason {
		case "FailedMount":
			if containsAny(words, `secret "`, `configmap "`, "references non-existent") && containsAny(words, "not found", "non-existent") {
				return &Cause{Code: ConfigMissing, Grace: 30 * time.Second, Sentence: fmt.Sprintf("Pod %s can't start: %s; create it in namespace %s, or remove it from the service", pod.Name, words, pod.Namespace)}
			}
			return &Cause{Code: VolumePending, Grace: Never, Sentence: fmt.Sprintf("Pod %s waits for a volume: %s; see the volume's claim", pod.Name, words)}
		case "FailedAttachVolume":
			return &Cause{Code: VolumePending, Grace: Never, Sentence: fmt.Sprintf("Pod %s waits for a volume: %s; see the volume's claim", pod.Name, words)}
		case "FailedCreatePodSandBox":
			if strings.Contains(words, "does not support user namespaces") {
				return &Cause{Code: StartFailed, Sentence: fmt.Sprintf("Pod %s can't start on node %s, which has no user namespaces: %s; ask the platform team to upgrade or taint the node", pod.Name, pod.Spec.NodeName, words)}
			}
			return &Cause{Code: StartFailed, Grace: Never, Sentence: fmt.Sprintf("Pod %s can't start on its node: %s; ask the platform team", pod.Name, words)}
		}
	}
	return nil
}

func unschedulable(pod *corev1.Pod, _ []*corev1.Event) *Cause {
	for _, condition := range pod.Status.Conditions {
		if condition.Type != corev1.PodScheduled || condition.Status != corev1.ConditionFalse || condition.Reason != corev1.PodReasonUnschedulable {
			continue
		}
		words := quote(condition.Message)
		if strings.Contains(words, "ersistentvolumeclaim") || strings.Contains(words, "PersistentVolumeClaim") {
			return &Cause{Code: VolumePending, Grace: Never, Sentence: fmt.Sprintf("Pod %s waits for its volume: %s; see whether the cluster has a storage class", pod.Name, words)}
		}
		return &Cause{Code: Unschedulable, Grace: Never, Sentence: fmt.Sprintf("Pod %s fits on no node: %s; lower the service's resources, or add nodes", pod.Name, words)}
	}
	return nil
}

func unready(pod *corev1.Pod, warnings []*corev1.Event) *Cause {
	if pod.Status.Phase != corev1.PodRunning || ready(pod) {
		return nil
	}
	for _, event := range warnings {
		if event.Reason == "Unhealthy" {
			return &Cause{
				Code: ProbeFailing, Grace: Never, Log: runningLog(pod),
				Sentence: fmt.Sprintf("Pod %s runs but does not answer its health check: %s; correct the service or its health path", pod.Name, quote(event.Message)),
			}
		}
	}
	return nil
}

func runningLog(pod *corev1.Pod) *Log {
	for _, status := range pod.Status.ContainerStatuses {
		if !status.Ready && status.State.Running != nil {
			return &Log{Pod: pod.Name, Container: status.Name}
		}
	}
	return nil
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}
