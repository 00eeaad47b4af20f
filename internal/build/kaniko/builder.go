package kaniko

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Limits of the log that is read to explain a failure.
const (
	tailLines = 2000
	tailBytes = 4 << 20
)

// Builder builds on one cluster. It implements build.Builder.
type Builder struct {
	cluster kubernetes.Interface
	config  Config
}

// New returns a Builder. Its account needs get, create and delete on
// Jobs, get, create and delete on Secrets, and list on Pods and get on their
// logs, in build namespaces.
func New(cluster kubernetes.Interface, config Config) (*Builder, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Builder{cluster: cluster, config: config}, nil
}

// startTimeout bounds the start of a build whose caller has stopped waiting.
const startTimeout = 10 * time.Second

// Ensure starts the build of a request unless it exists, and returns its
// state.
func (b *Builder) Ensure(ctx context.Context, r build.Request) (build.State, error) {
	wanted, err := NewJob(r, b.config)
	if err != nil {
		return build.State{}, err
	}
	jobs := b.cluster.BatchV1().Jobs(r.Namespace)
	job, err := jobs.Get(ctx, wanted.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		// A caller that stops now leaves a pod that waits for its Secret, and
		// everybody who waits for the build: what began is finished.
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
		defer cancel()
		ctx = whole
		job, err = jobs.Create(ctx, wanted, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			job, err = jobs.Get(ctx, wanted.Name, metav1.GetOptions{})
		}
	}
	if err != nil {
		return build.State{}, clusterFault(err, "start build", r.Namespace, wanted.Name)
	}
	return b.advance(ctx, job, r)
}

// Look returns how a build stands.
func (b *Builder) Look(ctx context.Context, job build.Job) (build.State, error) {
	found, err := b.cluster.BatchV1().Jobs(job.Namespace).Get(ctx, job.Name, metav1.GetOptions{})
	if err != nil {
		return build.State{}, clusterFault(err, "look at build", job.Namespace, job.Name)
	}
	pods, err := b.pods(ctx, job.Namespace, job.Name)
	if err != nil {
		return build.State{}, err
	}
	return StateOf(found, pods), nil
}

// advance brings an existing build on: it removes what must be replaced, adds
// what a crash left out, and explains what failed.
func (b *Builder) advance(ctx context.Context, job *batchv1.Job, r build.Request) (build.State, error) {
	if job.Annotations[AnnotationHash] != r.Hash || job.Labels[naming.LabelManagedBy] != naming.ManagedBy {
		return build.State{}, fault.New(fault.Conflict, "the Job %s/%s was not made by Slipway for this build; delete it", job.Namespace, job.Name)
	}
	if job.DeletionTimestamp != nil {
		return replaced(job), nil
	}
	pods, err := b.pods(ctx, job.Namespace, job.Name)
	if err != nil {
		return build.State{}, err
	}
	state := StateOf(job, pods)
	switch state.Phase {
	case build.Pending:
		return state, b.ensureSecret(ctx, job, r)
	case build.Failed:
		if state.FinishedAt.Before(r.Retry) {
			return replaced(job), b.remove(ctx, job)
		}
		return b.explain(ctx, state, pods, r)
	}
	return state, nil
}

func replaced(job *batchv1.Job) build.State {
	return build.State{
		Phase:   build.Pending,
		Job:     build.Job{Namespace: job.Namespace, Name: job.Name},
		Message: "the build waits for an earlier attempt to be removed",
	}
}

func (b *Builder) pods(ctx context.Context, namespace, job string) ([]corev1.Pod, error) {
	list, err := b.cluster.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: LabelBuild + "=" + job})
	if err != nil {
		return nil, clusterFault(err, "read the pods of build", namespace, job)
	}
	return list.Items, nil
}

// ensureSecret makes the Secret that the pod waits for. One that belongs to an
// earlier attempt is replaced.
func (b *Builder) ensureSecret(ctx context.Context, job *batchv1.Job, r build.Request) error {
	wanted, err := NewSecret(job, r)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "encode the credentials of build %s/%s", job.Namespace, job.Name)
	}
	secrets := b.cluster.CoreV1().Secrets(job.Namespace)
	_, err = secrets.Create(ctx, wanted, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return clusterFault(err, "write the Secret of build", job.Namespace, job.Name)
	}
	found, err := secrets.Get(ctx, wanted.Name, metav1.GetOptions{})
	if err != nil {
		return clusterFault(err, "read the Secret of build", job.Namespace, job.Name)
	}
	if ownedBy(found, job) {
		return nil
	}
	err = secrets.Delete(ctx, found.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(found.UID))})
	if err == nil || apierrors.IsNotFound(err) {
		_, err = secrets.Create(ctx, wanted, metav1.CreateOptions{})
	}
	return clusterFault(err, "replace the Secret of build", job.Namespace, job.Name)
}

func ownedBy(secret *corev1.Secret, job *batchv1.Job) bool {
	for _, owner := range secret.OwnerReferences {
		if owner.UID == job.UID {
			return true
		}
	}
	return false
}

// explain adds what the executor's log says. A log that is gone, or can't be
// read, leaves the state as the pod has it.
func (b *Builder) explain(ctx context.Context, state build.State, pods []corev1.Pod, r build.Request) (build.State, error) {
	pod := newest(pods)
	if pod == nil || state.Cause != build.CauseDockerfile {
		return state, nil
	}
	stream, err := b.cluster.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container:  containerKaniko,
		TailLines:  ptr.To[int64](tailLines),
		LimitBytes: ptr.To[int64](tailBytes),
	}).Stream(ctx)
	var log []byte
	if err == nil {
		defer stream.Close()
		log, err = io.ReadAll(io.LimitReader(stream, tailBytes))
	}
	if ctx.Err() != nil {
		return build.State{}, clusterFault(ctx.Err(), "read the log of build", state.Job.Namespace, state.Job.Name)
	}
	if end := ending(pod.Status.InitContainerStatuses, containerKaniko); end != nil && (err != nil || !bytes.Contains(log, []byte(errorMark))) {
		log = []byte(end.Message)
	}
	return Explain(state, log, r), nil
}

// errorMark is in the last line that the executor prints when it fails.
const errorMark = "error building image"

// Cancel stops and forgets a build.
func (b *Builder) Cancel(ctx context.Context, job build.Job) error {
	found, err := b.cluster.BatchV1().Jobs(job.Namespace).Get(ctx, job.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return clusterFault(err, "cancel build", job.Namespace, job.Name)
	}
	return b.remove(ctx, found)
}

// remove deletes a Job after its pods and its Secret, so that a new attempt
// finds nothing of the old one.
func (b *Builder) remove(ctx context.Context, job *batchv1.Job) error {
	err := b.cluster.BatchV1().Jobs(job.Namespace).Delete(ctx, job.Name, metav1.DeleteOptions{
		Preconditions:     metav1.NewUIDPreconditions(string(job.UID)),
		PropagationPolicy: ptr.To(metav1.DeletePropagationForeground),
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or already another attempt
	}
	return clusterFault(err, "remove build", job.Namespace, job.Name)
}

// clusterFault gives an error of the cluster a code and says what to do; nil
// stays nil.
func clusterFault(err error, operation, namespace, job string) error {
	if err == nil {
		return nil
	}
	subject := fmt.Sprintf("%s %s/%s", operation, namespace, job)
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return fault.Wrap(fault.Unavailable, err, "%s: the build namespace is being deleted; it is made anew afterwards", subject)
	}
	switch kube.CodeOf(err) {
	case fault.Denied:
		return fault.Wrap(fault.Denied, err, "%s: the cluster refused it; check Slipway's rights in the build namespace and its quota", subject)
	case fault.NotFound:
		return fault.Wrap(fault.NotFound, err, "%s: the cluster has no such thing; check that the build namespace exists", subject)
	case fault.Invalid:
		return fault.Wrap(fault.Internal, err, "%s: the cluster finds it invalid", subject)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: the cluster could not do it now; it is tried again", subject)
}
