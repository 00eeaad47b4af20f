package kaniko

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Limits and pace of reading logs.
const (
	maxLogBytes  = 32 << 20
	maxLineBytes = 16 << 10
	pollInterval = 300 * time.Millisecond
)

// Logs returns what the containers of a build printed, one after the other.
func (b *Builder) Logs(ctx context.Context, job build.Job, follow bool) (io.ReadCloser, error) {
	pods, err := b.pods(ctx, job.Namespace, job.Name)
	if err != nil {
		return nil, err
	}
	if len(pods) == 0 && !follow {
		return nil, fault.New(fault.NotFound, "build %s/%s has no pod, so there is no log; logs go an hour after a build", job.Namespace, job.Name)
	}
	ctx, cancel := context.WithCancel(ctx)
	reader, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		copier := logCopier{builder: b, job: job, follow: follow, out: writer, left: maxLogBytes}
		writer.CloseWithError(copier.copy(ctx))
	}()
	return &logStream{PipeReader: reader, cancel: cancel, done: done}, nil
}

// logStream is a log being read; closing it ends the copying.
type logStream struct {
	*io.PipeReader
	cancel context.CancelFunc
	done   <-chan struct{}
}

// Close stops following and waits until nothing reads from the cluster.
func (s *logStream) Close() error {
	s.cancel()
	err := s.PipeReader.Close()
	<-s.done
	return err
}

// logCopier copies the logs of one build's containers in order.
type logCopier struct {
	builder *Builder
	job     build.Job
	follow  bool
	out     io.Writer
	left    int
}

func (c *logCopier) copy(ctx context.Context) error {
	for _, container := range []string{containerSource, containerKaniko, containerPush} {
		pod, ready, err := c.await(ctx, container)
		if err != nil || pod == nil {
			return err
		}
		if !ready {
			continue
		}
		if err := c.container(ctx, pod, container); err != nil {
			return err
		}
	}
	return nil
}

// await returns the build's pod once the container has begun, or can't begin
// any more (not ready); no pod when the build is gone. Without follow it looks
// once.
func (c *logCopier) await(ctx context.Context, container string) (pod *corev1.Pod, ready bool, err error) {
	for {
		pods, err := c.builder.pods(ctx, c.job.Namespace, c.job.Name)
		if err != nil {
			return nil, false, err
		}
		pod := newest(pods)
		if pod != nil && begun(pod, container) {
			return pod, true, nil
		}
		if !c.follow || pod != nil && (pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded) {
			return pod, false, nil
		}
		if pod == nil {
			gone, err := c.builder.gone(ctx, c.job)
			if err != nil || gone {
				return nil, false, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

// gone reports whether a build doesn't exist.
func (b *Builder) gone(ctx context.Context, job build.Job) (bool, error) {
	_, err := b.cluster.BatchV1().Jobs(job.Namespace).Get(ctx, job.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return false, clusterFault(err, "find build", job.Namespace, job.Name)
}

func begun(pod *corev1.Pod, container string) bool {
	for _, status := range allStatuses(pod) {
		if status.Name == container {
			return status.State.Running != nil || status.State.Terminated != nil
		}
	}
	return false
}

// container copies one container's log, line by line and clean.
func (c *logCopier) container(ctx context.Context, pod *corev1.Pod, container string) error {
	stream, err := c.builder.cluster.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: container,
		Follow:    c.follow,
	}).Stream(ctx)
	if err != nil {
		return clusterFault(err, "read the log of build", c.job.Namespace, c.job.Name)
	}
	defer stream.Close()
	lines := bufio.NewReaderSize(stream, maxLineBytes)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			if err := c.line(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return clusterFault(err, "read the log of build", c.job.Namespace, c.job.Name)
		}
	}
}

// line writes one line while the log is within its limit. A line longer than
// the buffer comes in pieces.
func (c *logCopier) line(line []byte) error {
	clean := printable.Lines(string(trimNewline(line))) + "\n"
	if len(clean) > c.left {
		return fault.New(fault.Invalid, "the log of build %s/%s is longer than the %d bytes shown; make the build print less", c.job.Namespace, c.job.Name, maxLogBytes)
	}
	c.left -= len(clean)
	_, err := io.WriteString(c.out, clean)
	return err
}

func trimNewline(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}

// OpenLog returns what a build printed, as Builder.Logs does, for a caller
// that only reads.
func OpenLog(ctx context.Context, cluster kubernetes.Interface, job build.Job, follow bool) (io.ReadCloser, error) {
	return (&Builder{cluster: cluster}).Logs(ctx, job, follow)
}
