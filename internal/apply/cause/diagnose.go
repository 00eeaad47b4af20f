package cause

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Workload is what should run.
type Workload struct {
	Kind string
	Name string
	UID  types.UID
	// Revision names the newest revision: a Deployment's revision number, a
	// StatefulSet's update revision; empty when unknown.
	Revision string
	// Refused is what the workload's own conditions say of pods that could
	// not be made, empty for nothing.
	Refused string
}

// Evidence is what is known around a workload; it may hold other workloads'
// objects too.
type Evidence struct {
	Pods        []*corev1.Pod
	ReplicaSets []*appsv1.ReplicaSet
	Warnings    []*corev1.Event
}

// Never is the grace of a cause that may always pass.
const Never = time.Duration(-1)

// Diagnose returns the most useful cause why a workload is not ready, and
// false when nothing speaks against it yet. Only pods of the newest revision
// count.
func Diagnose(w Workload, e Evidence) (Cause, bool) {
	makers := []types.UID{w.UID}
	newest := e.newestReplicaSet(w)
	if newest != nil {
		makers = append(makers, newest.UID)
	}
	pods := e.podsOf(w, newest)
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	var best *Cause
	for _, pod := range pods {
		found := diagnosePod(pod, e.warningsOf(pod.UID))
		if found != nil && (best == nil || rank(found.Code) < rank(best.Code)) {
			best = found
		}
	}
	if best != nil && rank(best.Code) < rank(Quota) {
		return *best, true
	}
	if refused := e.refusal(w, makers); refused != nil {
		return *refused, true
	}
	if best != nil {
		return *best, true
	}
	return Cause{}, false
}

// LastCrash returns when a container of a workload's newest revision ended last that
// was started again; zero when none was.
func LastCrash(w Workload, e Evidence) time.Time {
	var last time.Time
	for _, pod := range e.podsOf(w, e.newestReplicaSet(w)) {
		if pod.Spec.RestartPolicy != corev1.RestartPolicyAlways && pod.Spec.RestartPolicy != "" {
			continue // its Job decides
		}
		for _, status := range pod.Status.ContainerStatuses {
			if t := lastTermination(status); t != nil && t.FinishedAt.After(last) {
				last = t.FinishedAt.Time
			}
		}
	}
	return last
}

// rank orders causes by how much they explain; the smallest explains most.
func rank(code Code) int {
	order := []Code{ImagePull, ConfigMissing, OutOfMemory, StartFailed, CrashLoop, Evicted, Quota, AdmissionRefused, VolumePending, Unschedulable, ProbeFailing}
	if at := slices.Index(order, code); at >= 0 {
		return at
	}
	return len(order)
}

// newestReplicaSet returns the replica set of a Deployment's newest revision,
// nil for other workloads.
func (e Evidence) newestReplicaSet(w Workload) *appsv1.ReplicaSet {
	if w.Kind != "Deployment" {
		return nil
	}
	const revision = "deployment.kubernetes.io/revision"
	var newest *appsv1.ReplicaSet
	highest := -1
	for _, set := range e.ReplicaSets {
		if !ownedBy(set, w.UID) {
			continue
		}
		if w.Revision != "" {
			if set.Annotations[revision] == w.Revision {
				return set
			}
			continue
		}
		if number, err := strconv.Atoi(set.Annotations[revision]); err == nil && number > highest {
			newest, highest = set, number
		}
	}
	return newest
}

// podsOf returns the pods of a workload's newest revision.
func (e Evidence) podsOf(w Workload, newest *appsv1.ReplicaSet) []*corev1.Pod {
	var pods []*corev1.Pod
	hash := ""
	var latest metav1.Time
	for _, pod := range e.Pods {
		switch {
		case w.Kind == "Pod" && pod.UID == w.UID:
		case w.Kind == "Deployment":
			if newest == nil || !ownedBy(pod, newest.UID) {
				continue
			}
		case !ownedBy(pod, w.UID):
			continue
		case w.Kind == "StatefulSet" && w.Revision != "" && pod.Labels[appsv1.ControllerRevisionHashLabelKey] != w.Revision:
			continue
		}
		if pod.DeletionTimestamp != nil {
			continue
		}
		if !pod.CreationTimestamp.Before(&latest) {
			latest, hash = pod.CreationTimestamp, pod.Labels[appsv1.ControllerRevisionHashLabelKey]
		}
		pods = append(pods, pod)
	}
	if w.Kind == "DaemonSet" {
		pods = slices.DeleteFunc(pods, func(p *corev1.Pod) bool { return p.Labels[appsv1.ControllerRevisionHashLabelKey] != hash })
	}
	return pods
}

func ownedBy(object metav1.Object, uid types.UID) bool {
	return slices.ContainsFunc(object.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return o.UID == uid })
}

// warningsOf returns the warnings about an object, newest first.
func (e Evidence) warningsOf(uid types.UID) []*corev1.Event {
	var about []*corev1.Event
	for _, event := range e.Warnings {
		if event.InvolvedObject.UID == uid {
			about = append(about, event)
		}
	}
	slices.SortStableFunc(about, func(a, b *corev1.Event) int { return eventTime(b).Compare(eventTime(a)) })
	return about
}

func eventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

// refusal explains why a workload's pods are not even made.
func (e Evidence) refusal(w Workload, makers []types.UID) *Cause {
	words := w.Refused
	for _, uid := range makers {
		for _, event := range e.warningsOf(uid) {
			if words == "" && event.Reason == "FailedCreate" {
				words = event.Message
			}
		}
	}
	if words == "" {
		return nil
	}
	c := &Cause{Code: StartFailed, Object: w.Kind + " " + w.Name, Grace: 30 * time.Second}
	remedy := "correct the manifest"
	switch {
	case strings.Contains(words, "exceeded quota"):
		c.Code, remedy = Quota, "lower what the service asks for, or raise the quota: cpu and memory are the stage's resources in slipway.yaml, all else is spec.policy.quota of the Cluster or Project"
	case strings.Contains(words, "PodSecurity"), strings.Contains(words, "admission webhook"), strings.Contains(words, "ValidatingAdmissionPolicy"):
		c.Code, remedy = AdmissionRefused, "change the manifest to what the cluster's policy allows"
		c.Grace = 5 * time.Second
	case strings.Contains(words, "serviceaccount") && strings.Contains(words, "not found"):
		c.Code, remedy = ConfigMissing, "add the ServiceAccount"
	}
	c.Sentence = fmt.Sprintf("%s %s: its pods are refused: %s; %s", w.Kind, w.Name, quote(words), remedy)
	return c
}
