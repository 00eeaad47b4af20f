package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

const (
	// maxHosts is how many hosts one stage may use.
	maxHosts = 200
	// claimTries bounds how often a claim that changes under our hands is
	// looked at again.
	claimTries = 5

	annotationHost  = "slipway.dev/host"
	annotationOwner = "slipway.dev/host-owner"
)

// Claims are the hosts that stages of one cluster use. Each is a ConfigMap of
// the cluster, in a namespace that no stage can write to, whose name is made
// from the host: of two projects that want one at the same time the API server
// lets one create it. It names the project and, as keys, the namespaces of
// the project's stages that use the host.
//
// What this process claimed is remembered, so that an unchanged stage costs no
// request. Claims are safe for concurrent use.
type Claims struct {
	client     client.Client
	namespaces *tenancy.NamespaceApplier
	marker     *tenancy.Marker
	self       tenancy.Subject

	mu   sync.Mutex
	held map[string]map[string]bool // hosts by the stage's namespace
}

// NewClaims returns the claims on a connection's cluster.
func NewClaims(c client.Client, namespaces *tenancy.NamespaceApplier, marker *tenancy.Marker, self tenancy.Subject) *Claims {
	return &Claims{client: c, namespaces: namespaces, marker: marker, self: self, held: map[string]map[string]bool{}}
}

// Claim takes hosts for a stage and returns those that another project uses.
func (c *Claims) Claim(ctx context.Context, owner inventory.Owner, namespace string, hosts []string) (taken []string, err error) {
	if len(hosts) > maxHosts {
		return nil, fault.New(fault.Invalid, "the stage's routes use %d hosts, more than %d; use fewer", len(hosts), maxHosts)
	}
	held, err := c.holds(ctx, owner, namespace)
	if err != nil {
		return nil, err
	}
	for _, host := range hosts {
		if held[host] {
			continue
		}
		free, err := c.take(ctx, claim{owner: owner, namespace: namespace, host: host})
		if err != nil {
			return nil, err
		}
		if !free {
			taken = append(taken, host)
			continue
		}
		c.note(namespace, host, true)
	}
	return taken, nil
}

// Keep gives up every host of a stage but the given ones.
func (c *Claims) Keep(ctx context.Context, owner inventory.Owner, namespace string, hosts []string) error {
	held, err := c.holds(ctx, owner, namespace)
	if err != nil {
		return err
	}
	for _, host := range slices.Sorted(maps.Keys(held)) {
		if slices.Contains(hosts, host) {
			continue
		}
		if err := c.release(ctx, claim{owner: owner, namespace: namespace, host: host}); err != nil {
			return err
		}
		c.note(namespace, host, false)
	}
	return nil
}

// holds returns the hosts that a stage has claimed. The cluster is asked once.
func (c *Claims) holds(ctx context.Context, owner inventory.Owner, namespace string) (map[string]bool, error) {
	c.mu.Lock()
	known, found := c.held[namespace]
	known = maps.Clone(known)
	c.mu.Unlock()
	if found {
		return known, nil
	}
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	var all corev1.ConfigMapList
	ofProject := map[string]string{naming.LabelOrganization: naming.LabelValue(owner.Organization), naming.LabelProject: naming.LabelValue(owner.Project)}
	if err := c.client.List(ctx, &all, client.InNamespace(tenancy.HostsNamespace), client.MatchingLabels(ofProject)); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the hosts that project %s uses could not be listed", owner.Project)
	}
	held := map[string]bool{}
	for _, one := range all.Items {
		if _, uses := one.Data[namespace]; uses && c.owns(&one, owner) {
			held[one.Annotations[annotationHost]] = true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[namespace] = held
	return maps.Clone(held), nil
}

// prepare makes the namespace that claims are in.
func (c *Claims) prepare(ctx context.Context) error {
	namespace, objects := tenancy.NewHosts(c.self)
	return c.namespaces.Ensure(ctx, namespace, objects)
}

func (c *Claims) note(namespace, host string, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held {
		c.held[namespace][host] = true
		return
	}
	delete(c.held[namespace], host)
}

// claim is one stage's use of a host.
type claim struct {
	owner     inventory.Owner
	namespace string
	host      string
}

// owns reports whether a claim is a project's: this Slipway made it for that project.
// Another Slipway that uses the cluster may have a project of the same name.
func (c *Claims) owns(existing *corev1.ConfigMap, owner inventory.Owner) bool {
	return existing.Annotations[annotationOwner] == ownerName(owner) && c.marker.Owns(existing, claim{owner: owner}.object().Labels)
}

func ownerName(owner inventory.Owner) string { return owner.Organization + "/" + owner.Project }

// object returns the claim as it is first made.
func (c claim) object() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: naming.HostClaim(c.host), Namespace: tenancy.HostsNamespace,
			Labels: map[string]string{
				naming.LabelManagedBy:    naming.ManagedBy,
				naming.LabelOrganization: naming.LabelValue(c.owner.Organization),
				naming.LabelProject:      naming.LabelValue(c.owner.Project),
			},
			Annotations: map[string]string{annotationHost: c.host, annotationOwner: ownerName(c.owner)},
		},
		Data: map[string]string{c.namespace: c.owner.Stage},
	}
}

// take makes a claim, joins the project's own, or takes over one whose stages
// are gone. It reports false when another project has the host.
func (c *Claims) take(ctx context.Context, wanted claim) (bool, error) {
	for range claimTries {
		made := wanted.object()
		c.marker.MarkNew(made)
		err := c.client.Create(ctx, made)
		if err == nil {
			c.marker.Mark(made)
			err = c.client.Update(ctx, made)
		}
		if err == nil {
			return true, nil
		}
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			continue
		}
		if !apierrors.IsAlreadyExists(err) {
			return false, fault.Wrap(fault.Unavailable, err, "the host %s could not be claimed", wanted.host)
		}
		free, err := c.join(ctx, wanted)
		if err == nil || !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return free, err
		}
	}
	return false, fault.New(fault.Unavailable, "the host %s changes hands too fast to be claimed", wanted.host)
}

// join takes part in a claim that exists. A conflict, or that it is gone, means
// to look again.
func (c *Claims) join(ctx context.Context, wanted claim) (bool, error) {
	var existing corev1.ConfigMap
	if err := c.client.Get(ctx, client.ObjectKeyFromObject(wanted.object()), &existing); err != nil {
		return false, err
	}
	if c.owns(&existing, wanted.owner) {
		if _, uses := existing.Data[wanted.namespace]; uses && c.marker.IsMarked(&existing) {
			return true, nil
		}
		c.marker.Mark(&existing)
		if existing.Data == nil {
			existing.Data = map[string]string{}
		}
		existing.Data[wanted.namespace] = wanted.owner.Stage
		return true, c.client.Update(ctx, &existing)
	}
	stale, err := c.stale(ctx, existing)
	if err != nil || !stale {
		return false, err
	}
	next := wanted.object()
	next.ResourceVersion, next.UID = existing.ResourceVersion, existing.UID
	c.marker.Mark(next)
	return true, c.client.Update(ctx, next)
}

// stale reports whether no stage of a claim is there any more.
func (c *Claims) stale(ctx context.Context, existing corev1.ConfigMap) (bool, error) {
	for namespace := range existing.Data {
		err := c.client.Get(ctx, client.ObjectKey{Name: namespace}, &corev1.Namespace{})
		if err == nil {
			return false, nil
		}
		if !apierrors.IsNotFound(err) {
			return false, fault.Wrap(fault.Unavailable, err, "namespace %s could not be read", namespace)
		}
	}
	return true, nil
}

// release ends a stage's use of a host.
func (c *Claims) release(ctx context.Context, ended claim) error {
	for range claimTries {
		err := c.leave(ctx, ended)
		if err == nil || apierrors.IsNotFound(err) {
			return nil
		}
		if !apierrors.IsConflict(err) {
			return fault.Wrap(fault.Unavailable, err, "the host %s could not be given up", ended.host)
		}
	}
	return fault.New(fault.Unavailable, "the host %s could not be given up: its claim keeps changing", ended.host)
}

func (c *Claims) leave(ctx context.Context, ended claim) error {
	var existing corev1.ConfigMap
	if err := c.client.Get(ctx, client.ObjectKeyFromObject(ended.object()), &existing); err != nil {
		return err
	}
	if _, uses := existing.Data[ended.namespace]; !uses || !c.owns(&existing, ended.owner) {
		return nil
	}
	delete(existing.Data, ended.namespace)
	if len(existing.Data) > 0 {
		return c.client.Update(ctx, &existing)
	}
	unchanged := client.Preconditions{UID: &existing.UID, ResourceVersion: &existing.ResourceVersion}
	if err := c.client.Delete(ctx, &existing, unchanged); err != nil {
		return fmt.Errorf("delete claim: %w", err)
	}
	return nil
}
