//go:build integration

package convergence

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/build/kaniko"
)

// node plays the part of machines: pods run, and builds push an image, unless
// they are held.
type node struct {
	hold atomic.Bool // builds don't end while it is set
}

// startNode makes pods run until the test ends.
func startNode(t *testing.T) *node {
	t.Helper()
	n := &node{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			n.work(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(30 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return n
}

// work looks at every pod once. What fails, because somebody changed the pod
// meanwhile, is done at the next look.
func (n *node) work(ctx context.Context) {
	var pods corev1.PodList
	if err := world.Client.List(ctx, &pods); err != nil {
		return
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		switch {
		case pod.Status.Phase == corev1.PodSucceeded, pod.DeletionTimestamp != nil:
		case pod.Labels[kaniko.LabelBuild] != "" && !n.hold.Load():
			_ = n.build(ctx, pod)
		case pod.Labels[kaniko.LabelBuild] == "" && pod.Status.Phase != corev1.PodRunning:
			pod.Status.Phase = corev1.PodRunning
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
			_ = world.Client.Status().Update(ctx, pod)
		}
	}
}

// build pushes an image for a build's pod and ends it, once there is what the
// pod mounts.
func (n *node) build(ctx context.Context, pod *corev1.Pod) error {
	for _, volume := range pod.Spec.Volumes {
		if volume.Secret == nil {
			continue
		}
		if err := world.Client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: volume.Secret.SecretName}, &corev1.Secret{}); err != nil {
			return err
		}
	}
	var job batchv1.Job
	if err := world.Client.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: pod.Labels[kaniko.LabelBuild]}, &job); err != nil {
		return err
	}
	ref, err := name.NewTag(job.Annotations[kaniko.AnnotationImage], name.Insecure)
	if err != nil {
		return err
	}
	image, err := random.Image(64, 1)
	if err != nil {
		return err
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	pod.Status.Phase = corev1.PodSucceeded
	for i, container := range pod.Spec.Containers {
		message := ""
		if i == len(pod.Spec.Containers)-1 {
			message = digest.String()
		}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name:  container.Name,
			State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", Message: message, FinishedAt: metav1.Now()}},
		})
	}
	return world.Client.Status().Update(ctx, pod)
}

// shop returns the files of a repository with a service that is built, a
// greeting in its settings, and whatever extra objects.
func shop(project, greeting, extra string) map[string]string {
	files := site(project, greeting)
	files["slipway.yaml"] = strings.Replace(files["slipway.yaml"], "services:\n", "services:\n  web: {build: {context: web}, port: 8080}\n", 1)
	files["web/Dockerfile"] = "FROM scratch\nCOPY . /\nRUN [\"/x\"]\n"
	files["web/index.html"] = greeting
	if extra != "" {
		files["deploy/kustomization.yaml"] = "resources: [settings.yaml, extra.yaml]\n"
		files["deploy/extra.yaml"] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n", extra)
	}
	return files
}
