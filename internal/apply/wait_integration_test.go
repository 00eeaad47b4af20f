//go:build integration

package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/ready"
)

// waiting is a Wait under way.
type waiting struct {
	mutex    sync.Mutex
	reported [][]ready.ServiceState
	err      error
	states   []ready.ServiceState
	finished chan struct{}
	at       time.Time
	cancel   context.CancelCauseFunc
}

func (s *stage) wait(targets []ready.Target, options ready.Options) *waiting {
	s.t.Helper()
	ctx, cancel := context.WithCancelCause(s.t.Context())
	w := &waiting{finished: make(chan struct{}), cancel: cancel}
	options.Namespace = s.namespace
	options.Progress = func(states []ready.ServiceState) {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		w.reported = append(w.reported, slices.Clone(states))
	}
	go func() {
		defer close(w.finished)
		w.states, w.err = s.applier.Wait(ctx, targets, options)
		w.at = time.Now()
	}()
	s.t.Cleanup(func() { cancel(nil); <-w.finished })
	return w
}

// says waits until a service's state was reported of which a condition holds.
func (w *waiting) reports(s *stage, what string, holds func(ready.ServiceState) bool) {
	s.t.Helper()
	s.patiently(what, func() error {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		for _, states := range w.reported {
			if slices.ContainsFunc(states, holds) {
				return nil
			}
		}
		return fmt.Errorf("not reported: %+v", w.reported)
	})
}

func (w *waiting) end(t *testing.T) error {
	t.Helper()
	select {
	case <-w.finished:
		return w.err
	case <-time.After(30 * time.Second):
		t.Fatal("Wait does not end")
		return nil
	}
}

// ready sets a Deployment's pods ready, as a kubelet would report.
func (s *stage) ready(name string, ready int) (at time.Time) {
	s.t.Helper()
	client := plane.Client(s.t)
	s.patiently(name+" becomes ready", func() error {
		pods, err := client.CoreV1().Pods(s.namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			return err
		}
		done := 0
		for _, pod := range pods.Items {
			if done == ready {
				break
			}
			pod.Status.Phase = corev1.PodRunning
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
			if _, err := client.CoreV1().Pods(s.namespace).UpdateStatus(s.t.Context(), &pod, metav1.UpdateOptions{}); err != nil {
				return err
			}
			done++
		}
		if done < ready {
			return fmt.Errorf("%d pods, want %d", done, ready)
		}
		deployment, err := client.AppsV1().Deployments(s.namespace).Get(s.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if int(deployment.Status.ReadyReplicas) < ready {
			return errors.New("the deployment does not count them yet")
		}
		return nil
	})
	return time.Now()
}

// pod sets the status of a Deployment's first pod.
func (s *stage) pod(name string, status corev1.PodStatus) {
	s.t.Helper()
	client := plane.Client(s.t)
	s.patiently("a pod of "+name, func() error {
		pods, err := client.CoreV1().Pods(s.namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil || len(pods.Items) == 0 {
			return fmt.Errorf("no pod of %s (%w)", name, err)
		}
		pod := pods.Items[0]
		pod.Status = status
		_, err = client.CoreV1().Pods(s.namespace).UpdateStatus(s.t.Context(), &pod, metav1.UpdateOptions{})
		return err
	})
}

func TestWaitUntilReady(t *testing.T) {
	s := newStage(t)
	report := s.apply(manifests(configMap("a", "1"), deployment("web", "registry.example/web:1", 2), deployment("worker", "registry.example/w:1", 1), service("web", 80)))
	if len(report.Targets) != 2 {
		t.Fatalf("targets: %+v", report.Targets)
	}
	w := s.wait(report.Targets, ready.Options{})
	w.reports(s, "nothing is ready", func(s ready.ServiceState) bool { return s.Service == "web" && s.Wanted == 2 && s.Ready == 0 })
	s.ready("worker", 1)
	s.ready("web", 1)
	w.reports(s, "one is ready", func(s ready.ServiceState) bool { return s.Service == "web" && s.Ready == 1 && !s.Done })
	s.ready("web", 2)
	if err := w.end(t); err != nil {
		t.Fatal(err)
	}
	if got := w.states; len(got) != 2 || !got[0].Done || got[0].Ready != 2 {
		t.Errorf("states: %+v", got)
	}
	s.traffic.spent()
	if _, err := s.applier.Wait(t.Context(), report.Targets, ready.Options{Namespace: s.namespace}); err != nil {
		t.Fatal(err)
	}
	if got := s.traffic.spent(); got != "GET=1" {
		t.Errorf("waiting for what is ready took %s, want one list", got)
	}
}

// Readiness is reported as soon as the API server tells of it: while Wait waits
// it sends no request, so that only what a watch brings can end it; and the
// best of a few rounds, which a busy machine does not spoil, is in time.
func TestReadinessIsReportedAtOnce(t *testing.T) {
	const rounds, limit = 5, 250 * time.Millisecond
	s := newStage(t)
	best := time.Hour
	for round := range rounds {
		report := s.apply(manifests(deployment("web", fmt.Sprintf("registry.example/web:%d", round), 1)))
		truth := make(chan time.Time, 1)
		go s.available("web", int64(round+1), truth)
		w := s.wait(report.Targets, ready.Options{})
		w.reports(s, "nothing is ready", func(s ready.ServiceState) bool { return s.Service == "web" && !s.Done })
		s.patiently("the watches have begun", func() error {
			before := s.traffic.spent()
			time.Sleep(100 * time.Millisecond)
			if during := s.traffic.spent(); during != "" {
				return fmt.Errorf("%s, then %s", before, during)
			}
			return nil
		})
		s.pods("web")
		if err := w.end(t); err != nil {
			t.Fatal(err)
		}
		if spent := s.traffic.spent(); spent != "" {
			t.Errorf("while it waited it sent %s", spent)
		}
		best = min(best, w.at.Sub(<-truth))
	}
	t.Logf("the best of %d rounds was reported %s after it was true", rounds, best)
	if best > limit {
		t.Errorf("readiness was reported %s after it was true, more than %s", best, limit)
	}
}

// available sends when a watch of the test's own tells that a generation of a
// Deployment is rolled out.
func (s *stage) available(name string, generation int64, at chan<- time.Time) {
	watching, err := plane.Client(s.t).AppsV1().Deployments(s.namespace).Watch(s.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		at <- time.Time{}
		return
	}
	defer watching.Stop()
	for event := range watching.ResultChan() {
		d, ok := event.Object.(*appsv1.Deployment)
		if ok && d.Generation == generation && d.Status.ObservedGeneration == generation && d.Status.UpdatedReplicas == 1 && d.Status.AvailableReplicas == 1 && d.Status.Replicas == 1 {
			at <- time.Now()
			return
		}
	}
}

// pods makes the pods of a Deployment run until its newest are all that is
// left.
func (s *stage) pods(name string) {
	s.t.Helper()
	client := plane.Client(s.t)
	s.patiently(name+" runs", func() error {
		pods, err := client.CoreV1().Pods(s.namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			pod.Status.Phase = corev1.PodRunning
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
			if _, err := client.CoreV1().Pods(s.namespace).UpdateStatus(s.t.Context(), &pod, metav1.UpdateOptions{}); err != nil {
				return err
			}
		}
		d, err := client.AppsV1().Deployments(s.namespace).Get(s.t.Context(), name, metav1.GetOptions{})
		if err == nil && (d.Status.ObservedGeneration != d.Generation || d.Status.UpdatedReplicas != 1 || d.Status.AvailableReplicas != 1 || d.Status.Replicas != 1) {
			err = fmt.Errorf("%+v", d.Status)
		}
		return err
	})
}

func TestWaitSaysWhyNot(t *testing.T) {
	crash := func(restarts int32) corev1.PodStatus {
		return corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "main", Image: "registry.example/web:1", RestartCount: restarts,
			State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}},
		}}}
	}
	s := newStage(t)
	report := s.apply(manifests(deployment("web", "registry.example/web:1", 1)))

	t.Run("a crash is reported at once and fails when it comes again", func(t *testing.T) {
		w := s.wait(report.Targets, ready.Options{})
		s.pod("web", crash(1))
		w.reports(s, "the crash", func(s ready.ServiceState) bool { return s.Cause != nil && s.Cause.Code == cause.CrashLoop })
		s.pod("web", crash(2))
		var failed *ready.NotReadyError
		if err := w.end(t); !errors.As(err, &failed) || failed.Service != "web" || failed.Cause.Code != cause.CrashLoop || !strings.Contains(err.Error(), "exit code 3") {
			t.Errorf("%v", err)
		}
	})
	t.Run("an image that does not exist fails at once", func(t *testing.T) {
		s.pod("web", corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
			Name: "main", Image: "registry.example/web:1",
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "registry.example/web:1: not found"}},
		}}})
		w := s.wait(report.Targets, ready.Options{})
		var failed *ready.NotReadyError
		if err := w.end(t); !errors.As(err, &failed) || failed.Cause.Code != cause.ImagePull {
			t.Errorf("%v", err)
		}
	})
	t.Run("a cause that may pass fails at the service's deadline", func(t *testing.T) {
		s.pod("web", corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes are available: 1 Insufficient cpu.",
		}}})
		w := s.wait(report.Targets, ready.Options{Deadlines: map[string]time.Duration{"web": 700 * time.Millisecond}})
		if err := w.end(t); err == nil || !strings.Contains(err.Error(), "not ready after 700ms") || !strings.Contains(err.Error(), "Insufficient cpu") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a newer commit ends it at once", func(t *testing.T) {
		w := s.wait(report.Targets, ready.Options{})
		w.reports(s, "something", func(ready.ServiceState) bool { return true })
		superseded := errors.New("a newer commit")
		w.cancel(superseded)
		if err := w.end(t); !errors.Is(err, superseded) {
			t.Errorf("%v", err)
		}
	})
}

func TestWaitNamesWhatTheClusterRefuses(t *testing.T) {
	s := newStage(t)
	s.quota("pods: \"0\"")
	report := s.apply(manifests(deployment("web", "registry.example/web:1", 1), statefulSet("db", "registry.example/db:1", "1Gi")))
	w := s.wait(report.Targets, ready.Options{Deadline: 20 * time.Second})
	w.reports(s, "the deployment's quota", func(s ready.ServiceState) bool {
		return s.Service == "web" && s.Cause != nil && s.Cause.Code == cause.Quota
	})
	w.reports(s, "the stateful set's quota", func(s ready.ServiceState) bool {
		return s.Service == "" && s.Cause != nil && s.Cause.Code == cause.Quota && strings.Contains(s.Cause.Sentence, "StatefulSet db")
	})
}

func TestWaitIgnoresTheOldRevision(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(deployment("web", "registry.example/web:1", 1)))
	s.pod("web", corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{
		Name: "main", RestartCount: 9, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3}},
	}}})
	report := s.apply(manifests(deployment("web", "registry.example/web:2", 1)))
	w := s.wait(report.Targets, ready.Options{Deadline: 2 * time.Second})
	err := w.end(t)
	var failed *ready.NotReadyError
	if !errors.As(err, &failed) || failed.Cause.Code != cause.NotReady {
		t.Errorf("the old revision's crash was blamed: %v", err)
	}
}
