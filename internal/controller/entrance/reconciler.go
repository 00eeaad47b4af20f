package entrance

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/release"
)

// Target is a preview's place on its cluster.
type Target interface {
	// Bundle returns the manifests of one of the preview's releases.
	Bundle(ctx context.Context, name, digest string) ([]byte, error)
	// Labels are those of everything that belongs to the preview.
	Labels() map[string]string
	// EnsureEndpoints makes EndpointSlices of the preview what they should be.
	EnsureEndpoints(ctx context.Context, slices []discoveryv1.EndpointSlice) error
}

// Reconciler tells the gate of previews, and takes over the visits that it reports.
type Reconciler struct {
	Client client.Client
	// Namespace is the gate's.
	Namespace string
	Targets   func(ctx context.Context, stage *v1alpha1.Stage) (Target, error)
	// Key signs what lets people see previews.
	Key ed25519.PrivateKey
	Now func() time.Time

	routes *lru.Cache // digest of a bundle → routes
}

// maxRoutes bounds how many bundles' routes are remembered.
const maxRoutes = 1024

// gateService is the Kubernetes Service of the gate in its namespace.
const gateService = "slipway-gate"

// New returns a reconciler made from its exported fields.
func New(r Reconciler) *Reconciler {
	r.routes = lru.New(maxRoutes)
	return &r
}

// Reconcile brings one preview's entrance up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var stage v1alpha1.Stage
	err := r.Client.Get(ctx, req.NamespacedName, &stage)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	if err != nil || !stage.DeletionTimestamp.IsZero() || !stage.Spec.Gated {
		return ctrl.Result{}, r.remove(ctx, req.NamespacedName)
	}
	releases, err := kube.ReleasesOf(ctx, r.Client, &stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	history := release.HistoryOf(&stage, releases)
	if err := r.takeVisit(ctx, &stage, history); err != nil {
		return ctrl.Result{}, err
	}
	again, err := r.share(ctx, &stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	to, err := r.lead(ctx, &stage, history)
	if err != nil {
		return ctrl.Result{}, err
	}
	told := entranceOf(&stage, history, to)
	if stage.Spec.Access == v1alpha1.AccessLink {
		told.Wall = entrance.NewWall(r.Key, string(stage.UID))
	}
	return ctrl.Result{RequeueAfter: again}, r.write(ctx, &stage, told)
}

// How long a share counts, and how long before its end there is another.
const (
	shareLife    = 7 * 24 * time.Hour
	shareOverlap = 2 * 24 * time.Hour
)

// share shows on the stage what lets people see it, where that takes something, and says
// when there is another.
func (r *Reconciler) share(ctx context.Context, stage *v1alpha1.Stage) (again time.Duration, err error) {
	after, now := stage.DeepCopy(), r.Now()
	if stage.Spec.Access != v1alpha1.AccessLink {
		after.Status.Share = nil
	} else if until, ok := r.shared(stage, now); !ok || until.Sub(now) <= shareOverlap {
		expires := now.Add(shareLife)
		after.Status.Share = &v1alpha1.Share{Token: entrance.Share(r.Key, string(stage.UID), expires), Expires: metav1.NewTime(expires)}
	}
	if err := kube.PatchStatus(ctx, r.Client, stage, after); err != nil {
		return 0, err
	}
	if stage.Status.Share = after.Status.Share; stage.Status.Share == nil {
		return 0, nil
	}
	return stage.Status.Share.Expires.Sub(now) - shareOverlap, nil
}

// takeVisit shows on the stage when it was visited last, by its Lease, which is made
// where there is none.
func (r *Reconciler) takeVisit(ctx context.Context, stage *v1alpha1.Stage, history release.History) error {
	var lease coordinationv1.Lease
	key := client.ObjectKey{Namespace: r.Namespace, Name: entrance.Name(stage)}
	err := r.Client.Get(ctx, key, &lease)
	if apierrors.IsNotFound(err) {
		if err := r.Client.Create(ctx, entrance.NewLease(key.Namespace, key.Name)); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("make Lease %s: %w", key, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Lease %s: %w", key, err)
	}
	sleep := ""
	if asleep := history.Asleep(); asleep != nil {
		sleep = asleep.Name
	}
	after := stage.DeepCopy()
	after.Status.Visited = entrance.Visited(stage, entrance.VisitOf(&lease), sleep, r.Now())
	return kube.PatchStatus(ctx, r.Client, stage, after)
}

// shared returns until when the gate lets the holder of a stage's share in.
func (r *Reconciler) shared(stage *v1alpha1.Stage, now time.Time) (time.Time, bool) {
	if stage.Status.Share == nil {
		return time.Time{}, false
	}
	return entrance.NewWall(r.Key, string(stage.UID)).Admits(stage.Status.Share.Token, now)
}

// routes are where requests to a preview come in, and what they lead to.
type routes struct {
	hosts    []string
	backends []entrance.Backend
}

// lead makes the routes of what the stage has now lead to the gate, and returns them.
func (r *Reconciler) lead(ctx context.Context, stage *v1alpha1.Stage, history release.History) (routes, error) {
	present := history.Present()
	if present == nil || present.Status.Bundle == "" {
		return routes{}, nil
	}
	target, err := r.Targets(ctx, stage)
	if err != nil {
		return routes{}, err
	}
	to, err := r.routesOf(ctx, target, present)
	if err != nil || !release.CameToApplying(present.Status) {
		return to, err
	}
	var gate discoveryv1.EndpointSliceList
	if err := r.Client.List(ctx, &gate, client.InNamespace(r.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: gateService}); err != nil {
		return to, fmt.Errorf("list the gate's EndpointSlices: %w", err)
	}
	return to, target.EnsureEndpoints(ctx, entrance.Slices(stage.Spec.Namespace, target.Labels(), to.backends, gate.Items))
}

// routesOf returns the routes of a release's bundle.
func (r *Reconciler) routesOf(ctx context.Context, target Target, of *v1alpha1.Release) (routes, error) {
	if known, ok := r.routes.Get(of.Status.BundleDigest); ok {
		return known.(routes), nil
	}
	manifests, err := target.Bundle(ctx, of.Status.Bundle, of.Status.BundleDigest)
	if err != nil {
		return routes{}, fmt.Errorf("read what release %s applied: %w", of.Name, err)
	}
	var to routes
	if to.hosts, err = guard.Hosts(manifests); err != nil {
		return routes{}, fmt.Errorf("find the hosts of release %s: %w", of.Name, err)
	}
	if _, to.backends, err = entrance.Gated(manifests); err != nil {
		return routes{}, fmt.Errorf("find the routes of release %s: %w", of.Name, err)
	}
	r.routes.Add(of.Status.BundleDigest, to)
	return to, nil
}

// write makes the entrance's ConfigMap what it should be.
func (r *Reconciler) write(ctx context.Context, stage *v1alpha1.Stage, e entrance.Entrance) error {
	wanted, err := e.ConfigMap(r.Namespace, entrance.Name(stage))
	if err != nil {
		return err
	}
	var existing corev1.ConfigMap
	err = r.Client.Get(ctx, client.ObjectKeyFromObject(wanted), &existing)
	switch {
	case apierrors.IsNotFound(err):
		err = r.Client.Create(ctx, wanted)
	case err == nil && existing.Data[entrance.Key] != wanted.Data[entrance.Key]:
		wanted.ResourceVersion = existing.ResourceVersion
		err = r.Client.Update(ctx, wanted)
	}
	if err != nil {
		return fmt.Errorf("write ConfigMap %s/%s: %w", wanted.Namespace, wanted.Name, err)
	}
	return nil
}

// remove takes away what the gate knows of a stage.
func (r *Reconciler) remove(ctx context.Context, stage types.NamespacedName) error {
	meta := metav1.ObjectMeta{Namespace: r.Namespace, Name: entrance.Name(&v1alpha1.Stage{ObjectMeta: metav1.ObjectMeta{Namespace: stage.Namespace, Name: stage.Name}})}
	for _, object := range []client.Object{&corev1.ConfigMap{ObjectMeta: meta}, &coordinationv1.Lease{ObjectMeta: meta}} {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, object)); err != nil {
			return fmt.Errorf("delete %T %s/%s: %w", object, meta.Namespace, meta.Name, err)
		}
	}
	return nil
}
