package kaniko

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/buildtest"
	"github.com/slipway-dev/slipway/internal/fault"
)

// environment plays the node's part, and on a fake cluster that of the Job controller
// too: it sets statuses by hand.
type environment struct {
	cluster    kubernetes.Interface
	controlled bool // by a real Job controller
	count      atomic.Int64
}

func (e *environment) Namespace(t *testing.T) string {
	t.Helper()
	space := NewNamespace("acme", fmt.Sprintf("test-%d", e.count.Add(1)))
	if _, err := e.cluster.CoreV1().Namespaces().Create(t.Context(), space, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return space.Name
}

func (e *environment) Builds(t *testing.T, namespace string) int {
	t.Helper()
	list, err := e.cluster.BatchV1().Jobs(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: LabelBuild})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}

func (e *environment) job(t *testing.T, job build.Job) *batchv1.Job {
	t.Helper()
	found, err := e.cluster.BatchV1().Jobs(job.Namespace).Get(t.Context(), job.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (e *environment) Start(t *testing.T, job build.Job) {
	t.Helper()
	e.setPod(t, job, corev1.PodPending, time.Now(), running(containerSource))
}

func (e *environment) Succeed(t *testing.T, job build.Job, digest string) {
	t.Helper()
	e.setPod(t, job, corev1.PodSucceeded, time.Now(), exited(containerSource, 0, "Completed", ""), exited(containerKaniko, 0, "Completed", ""), exited(containerPush, 0, "Completed", digest))
	e.setJob(t, job, batchv1.JobSuccessCriteriaMet, batchv1.JobComplete, time.Now())
}

func (e *environment) Fail(t *testing.T, job build.Job, at time.Time) {
	t.Helper()
	e.setPod(t, job, corev1.PodFailed, at, exited(containerSource, 0, "Completed", ""),
		exited(containerKaniko, 1, "Error", "INFO[0001] RUN false\nerror building image: error building stage: failed to execute command: waiting for process to exit: exit status 1\n"))
	e.setJob(t, job, batchv1.JobFailureTarget, batchv1.JobFailed, at)
}

// setPod sets the status of the Job's pod.
func (e *environment) setPod(t *testing.T, job build.Job, phase corev1.PodPhase, at time.Time, statuses ...corev1.ContainerStatus) {
	t.Helper()
	for i := range statuses {
		if end := statuses[i].State.Terminated; end != nil {
			end.FinishedAt = metav1.NewTime(at)
		}
	}
	pod := e.pod(t, job)
	pod.Status = podIn(phase, statuses...).Status
	if _, err := e.cluster.CoreV1().Pods(job.Namespace).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// pod returns the Job's pod: it waits for the Job controller's, or makes it.
func (e *environment) pod(t *testing.T, job build.Job) *corev1.Pod {
	t.Helper()
	pods := e.cluster.CoreV1().Pods(job.Namespace)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		list, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: LabelBuild + "=" + job.Name})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) > 0 {
			return &list.Items[0]
		}
		if !e.controlled {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the Job controller makes no pod for %v", job)
		}
	}
	template := e.job(t, job).Spec.Template
	pod, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: job.Name, Labels: template.Labels}, Spec: template.Spec,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

// setJob ends a Job, where no Job controller does.
func (e *environment) setJob(t *testing.T, job build.Job, first, last batchv1.JobConditionType, at time.Time) {
	t.Helper()
	if e.controlled {
		return
	}
	found := e.job(t, job)
	moment := metav1.NewTime(at)
	for _, kind := range []batchv1.JobConditionType{first, last} {
		found.Status.Conditions = append(found.Status.Conditions, batchv1.JobCondition{
			Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: moment,
		})
	}
	if _, err := e.cluster.BatchV1().Jobs(job.Namespace).UpdateStatus(t.Context(), found, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// newFake returns a fake cluster that, like a real one, gives objects UIDs and
// removes what a Job owns with it.
func newFake(t *testing.T) *fake.Clientset {
	t.Helper()
	cluster := fake.NewClientset()
	var uids atomic.Int64
	cluster.PrependReactor("create", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if object, ok := action.(clienttesting.CreateAction).GetObject().(metav1.Object); ok {
			object.SetUID(types.UID(fmt.Sprint("uid-", uids.Add(1))))
		}
		return false, nil, nil
	})
	cluster.PrependReactor("delete", "jobs", func(action clienttesting.Action) (bool, runtime.Object, error) {
		name := action.(clienttesting.DeleteAction).GetName()
		for _, kind := range []string{"pods", "secrets"} {
			err := cluster.Tracker().Delete(schema.GroupVersionResource{Version: "v1", Resource: kind}, action.GetNamespace(), name)
			if err != nil && !apierrors.IsNotFound(err) {
				return true, nil, err
			}
		}
		return false, nil, nil
	})
	return cluster
}

func newTestBuilder(t *testing.T, cluster kubernetes.Interface) *Builder {
	t.Helper()
	builder, err := New(cluster, testConfig())
	if err != nil {
		t.Fatal(err)
	}
	return builder
}

func TestConformance(t *testing.T) {
	cluster := newFake(t)
	buildtest.Run(t, newTestBuilder(t, cluster), &environment{cluster: cluster})
}

// A crash between the Job and its Secret is made good by the next call.
func TestSecretIsMadeGood(t *testing.T) {
	cluster := newFake(t)
	builder := newTestBuilder(t, cluster)
	request := buildtest.Request("builds", "secret")
	state, err := builder.Ensure(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	secrets := cluster.CoreV1().Secrets("builds")
	if err := secrets.Delete(t.Context(), state.Job.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := builder.Ensure(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	secret, err := secrets.Get(t.Context(), state.Job.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if string(secret.Data[tokenKey]) != request.Source.Token {
		t.Errorf("token %q, want %q", secret.Data[tokenKey], request.Source.Token)
	}
}

// A Secret that an earlier attempt left behind is replaced.
func TestForeignSecretIsReplaced(t *testing.T) {
	cluster := newFake(t)
	builder := newTestBuilder(t, cluster)
	request := buildtest.Request("builds", "foreign")
	job, err := NewJob(request, testConfig())
	if err != nil {
		t.Fatal(err)
	}
	job.UID = "of-an-earlier-attempt"
	old, err := NewSecret(job, build.Request{Hash: request.Hash, Source: build.Source{Token: "old"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.CoreV1().Secrets("builds").Create(t.Context(), old, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := builder.Ensure(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	secret, err := cluster.CoreV1().Secrets("builds").Get(t.Context(), job.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if string(secret.Data[tokenKey]) != request.Source.Token {
		t.Errorf("token %q, want %q", secret.Data[tokenKey], request.Source.Token)
	}
}

func TestForeignJobIsLeftAlone(t *testing.T) {
	cluster := newFake(t)
	request := buildtest.Request("builds", "foreign")
	job, err := NewJob(request, testConfig())
	if err != nil {
		t.Fatal(err)
	}
	job.Annotations = nil
	if _, err := cluster.BatchV1().Jobs("builds").Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := newTestBuilder(t, cluster).Ensure(t.Context(), request); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("error %v, want conflict", err)
	}
}

func TestClusterFaults(t *testing.T) {
	jobs := schema.GroupResource{Group: "batch", Resource: "jobs"}
	tests := map[string]struct {
		err  error
		want fault.Code
	}{
		"forbidden":   {apierrors.NewForbidden(jobs, "x", nil), fault.Denied},
		"no space":    {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "x"), fault.NotFound},
		"invalid":     {apierrors.NewInvalid(schema.GroupKind{Kind: "Job"}, "x", nil), fault.Internal},
		"overloaded":  {apierrors.NewTooManyRequests("slow down", 1), fault.Unavailable},
		"unreachable": {io.ErrUnexpectedEOF, fault.Unavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cluster := newFake(t)
			cluster.PrependReactor("create", "jobs", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
			request := buildtest.Request("builds", name)
			_, err := newTestBuilder(t, cluster).Ensure(t.Context(), request)
			if fault.CodeOf(err) != test.want {
				t.Errorf("error %v has code %q, want %q", err, fault.CodeOf(err), test.want)
			}
			if strings.Contains(fmt.Sprint(err), request.Source.Token) {
				t.Errorf("error holds the token: %v", err)
			}
		})
	}
}

func TestLogs(t *testing.T) {
	cluster := newFake(t)
	builder, side := newTestBuilder(t, cluster), &environment{cluster: cluster}
	request := buildtest.Request(side.Namespace(t), "logs")
	state, err := builder.Ensure(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	side.Start(t, state.Job)
	for _, follow := range []bool{false, true} {
		if follow {
			side.Succeed(t, state.Job, "sha256:"+strings.Repeat("a", 64))
		}
		stream, err := builder.Logs(t.Context(), state.Job, follow)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		want := "fake logs\n"
		if follow {
			want = strings.Repeat(want, 3)
		}
		if string(got) != want {
			t.Errorf("follow %v: log %q, want %q", follow, got, want)
		}
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLogLines(t *testing.T) {
	var out strings.Builder
	c := logCopier{out: &out, left: 22}
	for _, line := range []string{"\x1b[1mbold\x1b[0m\r\n", "\x07bell\n"} {
		if err := c.line([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); got != "bold\n\ufffdbell\n" {
		t.Errorf("lines %q", got)
	}
	if err := c.line([]byte(strings.Repeat("x", 20))); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("beyond the limit: %v, want invalid", err)
	}
}
