package volume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Class is the storage class's name, Name the provisioner's.
const (
	Class = "local"
	Name  = "slipway.dev/devcluster"
)

// Provisioner serves claims. One runs in a cluster.
type Provisioner struct {
	client kubernetes.Interface
	root   string
	log    *slog.Logger
	queue  workqueue.TypedRateLimitingInterface[item]
}

// item is a claim or a volume to look at.
type item struct {
	volume          bool
	namespace, name string
}

// New makes folders below root.
func New(client kubernetes.Interface, root string, log *slog.Logger) *Provisioner {
	return &Provisioner{
		client: client, root: root, log: log,
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[item](50*time.Millisecond, 10*time.Second)),
	}
}

// Run serves claims until ctx ends.
func (p *Provisioner) Run(ctx context.Context) error {
	if err := os.MkdirAll(p.root, 0o700); err != nil { // keeps other users of the machine out
		return fmt.Errorf("make folder of volumes: %w", err)
	}
	factory := informers.NewSharedInformerFactory(p.client, 0)
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().PersistentVolumeClaims().Informer(),
		factory.Core().V1().PersistentVolumes().Informer(),
	} {
		handler := cache.ResourceEventHandlerFuncs{AddFunc: p.enqueue, UpdateFunc: func(_, now any) { p.enqueue(now) }}
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch for changes: %w", err)
		}
	}
	factory.StartWithContext(ctx)
	defer factory.Shutdown()
	stop := context.AfterFunc(ctx, p.queue.ShutDown)
	defer stop()
	for {
		next, done := p.queue.Get()
		if done {
			return nil
		}
		p.serve(ctx, next)
	}
}

func (p *Provisioner) enqueue(object any) {
	switch object := object.(type) {
	case *corev1.PersistentVolumeClaim:
		p.queue.Add(item{namespace: object.Namespace, name: object.Name})
	case *corev1.PersistentVolume:
		p.queue.Add(item{volume: true, name: object.Name})
	}
}

func (p *Provisioner) serve(ctx context.Context, next item) {
	defer p.queue.Done(next)
	work := p.provide
	if next.volume {
		work = p.reclaim
	}
	if err := work(ctx, next); err != nil && ctx.Err() == nil {
		p.log.Error("serve volume", "namespace", next.namespace, "name", next.name, "error", err)
		p.queue.AddRateLimited(next)
		return
	}
	p.queue.Forget(next)
}

// provide makes folder and volume for a claim that waits for them.
func (p *Provisioner) provide(ctx context.Context, next item) error {
	claim, err := p.client.CoreV1().PersistentVolumeClaims(next.namespace).Get(ctx, next.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read claim: %w", err)
	}
	if !wants(claim) {
		return nil
	}
	volume := Volume(claim, p.root)
	// Whoever the pod runs as must be able to write.
	if err := os.MkdirAll(volume.Spec.HostPath.Path, 0o777); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := os.Chmod(volume.Spec.HostPath.Path, 0o777); err != nil { //nolint:gosec // see above
		return fmt.Errorf("open folder: %w", err)
	}
	_, err = p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make volume: %w", err)
	}
	return nil
}

// wants says whether the claim waits for a volume of ours.
func wants(claim *corev1.PersistentVolumeClaim) bool {
	class := claim.Spec.StorageClassName
	return class != nil && *class == Class && claim.Spec.VolumeName == "" &&
		claim.DeletionTimestamp == nil && claim.Status.Phase != corev1.ClaimBound
}

// reclaim removes folder and volume once the claim is gone.
func (p *Provisioner) reclaim(ctx context.Context, next item) error {
	volume, err := p.client.CoreV1().PersistentVolumes().Get(ctx, next.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read volume: %w", err)
	}
	released := volume.Status.Phase == corev1.VolumeReleased || volume.Status.Phase == corev1.VolumeFailed
	if !released || !isOurs(volume) || volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	// The folder's name is the volume's, never what the object says its path is.
	if err := os.RemoveAll(filepath.Join(p.root, filepath.Base(volume.Name))); err != nil {
		return fmt.Errorf("remove folder: %w", err)
	}
	err = p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &volume.UID}})
	if err != nil && !apierrors.IsNotFound(err) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("remove volume: %w", err)
	}
	return nil
}

func isOurs(volume *corev1.PersistentVolume) bool {
	return volume.Annotations[provisionedBy] == Name
}
