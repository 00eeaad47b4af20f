package target

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply"
	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/ready"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/build/kaniko"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// rightsLimit is how long the cluster may take to honour a new role binding.
const rightsLimit = 10 * time.Second

// Target is a stage's place on its cluster. It belongs to one run of one
// release.
type Target struct {
	targets    *Targets
	stage      *v1alpha1.Stage
	project    *v1alpha1.Project
	cluster    *v1alpha1.Cluster
	connection *cluster.Connection
	owner      inventory.Owner

	mu      sync.Mutex
	applier *apply.Applier
	report  apply.Report
	sealed  *project.Sealed // what Provide was given, nil before
	hosts   *[]string       // what Claim was given, nil before
}

// tenant returns what the stage's namespace is made from.
func (s *Target) tenant() tenancy.Stage {
	ingress := s.cluster.Spec.Ingress
	gate := ""
	if s.stage.Spec.Gated {
		gate = s.targets.GateNamespace
	}
	policy := s.cluster.Spec.Policy.For(s.project.Spec.Policy)
	if s.stage.Spec.Fork {
		policy = policy.ForFork()
	}
	return tenancy.Stage{
		Organization:     s.owner.Organization,
		Project:          s.owner.Project,
		Stage:            s.owner.Stage,
		Namespace:        s.stage.Spec.Namespace,
		Resources:        project.Resources(s.stage.Spec.Resources),
		Policy:           policy,
		Closed:           s.stage.Spec.Fork,
		Registry:         s.cluster.Spec.Registry,
		IngressNamespace: ingress.Namespace,
		IngressNetworks:  ingress.Networks,
		GateNamespace:    gate,
	}
}

// Prepare implements release.Target.
func (s *Target) Prepare(ctx context.Context, builds bool) error {
	if builds {
		if err := s.prepareBuilds(ctx); err != nil {
			return err
		}
	}
	tenant := s.tenant()
	if there, certain := s.connection.Live.Namespace(tenant.Namespace); certain && !there {
		s.connection.Namespaces.Forget(tenant.Namespace)
		s.targets.setAble(tenant.Namespace, false)
	}
	objects, err := tenancy.Objects(tenant)
	if err != nil {
		return err
	}
	if err := s.connection.Namespaces.Ensure(ctx, tenancy.NewNamespace(tenant), objects); err != nil {
		return err
	}
	return s.awaitRights(ctx)
}

// prepareBuilds makes the project's build namespace.
func (s *Target) prepareBuilds(ctx context.Context) error {
	namespace := kaniko.NewNamespace(s.owner.Organization, s.owner.Project)
	v4, v6 := tenancy.PrivateNetworks()
	objects := []client.Object{
		tenancy.NewBuilds(namespace.Name, namespace.Labels, s.targets.self),
		kaniko.NewNetworkPolicy(s.owner.Organization, s.owner.Project, append(v4, v6...), s.buildPeers()),
	}
	if err := s.connection.Namespaces.Ensure(ctx, namespace, objects); err != nil {
		return err
	}
	return s.await(ctx, s.connection.Config, authorizationv1.ResourceAttributes{Namespace: namespace.Name, Verb: "create", Group: "batch", Resource: "jobs"}, "slipway-build")
}

// buildPeers are what builds may reach besides the internet: Slipway, which
// hands out the source, and the networks that the cluster names.
func (s *Target) buildPeers() []networkingv1.NetworkPolicyPeer {
	peers := []networkingv1.NetworkPolicyPeer{{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: s.targets.self.Namespace}},
	}}
	for _, network := range s.cluster.Spec.Builds.Networks {
		peers = append(peers, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: network}})
	}
	return peers
}

// awaitRights waits until the cluster lets the stage's account write: it takes
// a moment to notice a new role binding.
func (s *Target) awaitRights(ctx context.Context) error {
	namespace := s.stage.Spec.Namespace
	return s.await(ctx, stageConfig(s.connection, namespace), authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "patch", Group: "apps", Resource: "deployments"}, "slipway-stage")
}

// await waits until who a configuration speaks for may do something in a
// namespace, as a role that was bound a moment ago lets them.
func (s *Target) await(ctx context.Context, config *rest.Config, right authorizationv1.ResourceAttributes, role string) error {
	if s.targets.isAble(right.Namespace) {
		return nil
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client of namespace %s: %w", right.Namespace, err)
	}
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &right}}
	ctx, cancel := context.WithTimeout(ctx, rightsLimit)
	defer cancel()
	for delay := 5 * time.Millisecond; ; delay = min(2*delay, time.Second) {
		answer, err := clientset.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err == nil && answer.Status.Allowed {
			s.targets.setAble(right.Namespace, true)
			return nil
		}
		if apierrors.IsForbidden(err) {
			return fault.Wrap(fault.Denied, err, "Slipway may not speak for whom ClusterRole %s gives rights in namespace %s; install the chart's roles again", role, right.Namespace)
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Unavailable, errors.Join(err, ctx.Err()), "namespace %s: nobody got the rights of ClusterRole %s there within %s; is it installed?", right.Namespace, role, rightsLimit)
		case <-time.After(delay):
		}
	}
}

// connect returns the applier, with the identity of the stage's account.
func (s *Target) connect() (*apply.Applier, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applier != nil {
		return s.applier, nil
	}
	applier, err := apply.New(s.connection.Apply, stageConfig(s.connection, s.stage.Spec.Namespace), s.targets.store)
	if err != nil {
		return nil, fmt.Errorf("connect to stage %s: %w", s.stage.Name, err)
	}
	s.applier = applier
	return applier, nil
}

// Apply implements release.Target.
func (s *Target) Apply(ctx context.Context, manifests []byte, rests bool) (v1alpha1.Changes, error) {
	applier, err := s.connect()
	if err != nil {
		return v1alpha1.Changes{}, err
	}
	defer s.targets.takeTurn(s.stage.Spec.Namespace)()
	report, err := applier.Apply(ctx, desired.Set{
		Owner: s.owner, Cluster: s.cluster.Name, Namespace: s.stage.Spec.Namespace, Manifests: manifests, Rests: rests,
	})
	s.mu.Lock()
	s.report = report
	s.mu.Unlock()
	if err != nil {
		err = cmp.Or(s.lostNamespace(ctx), err)
	}
	return v1alpha1.Changes{
		Created:   count(report.Created, report.Adopted),
		Changed:   count(report.Changed, report.Replaced, report.Repaired),
		Unchanged: int32(min(report.Unchanged, 1<<30)), //nolint:gosec // bounded on this line
	}, failureOf(err)
}

func count(lists ...[]inventory.Ref) int32 {
	var n int32
	for _, list := range lists {
		for range list {
			n++
		}
	}
	return n
}

// failureOf gives what applying refused the shape that a release keeps.
func failureOf(err error) error {
	var partial *refusal.Partial
	var failure *refusal.Failure
	if errors.As(err, &partial) && errors.As(err, &failure) {
		return &release.Failure{Cause: string(failure.Cause().Code), Message: partial.Error(), Refused: partial.Services}
	}
	if errors.As(err, &failure) && fault.CodeOf(err) != fault.Unavailable {
		return &release.Failure{Cause: string(failure.Cause().Code), Message: fault.MessageOf(err)}
	}
	var command *ready.HookError
	if errors.As(err, &command) {
		return &release.Failure{Cause: string(command.Cause.Code), Message: withDetail(command.Cause)}
	}
	return err
}

// Verify implements release.Target.
func (s *Target) Verify(ctx context.Context, deadlines map[string]time.Duration, progress func([]v1alpha1.ServiceStatus)) error {
	applier, err := s.connect()
	if err != nil {
		return err
	}
	s.mu.Lock()
	targets := s.report.Targets
	s.mu.Unlock()
	_, err = applier.Wait(ctx, targets, ready.Options{
		Namespace: s.stage.Spec.Namespace,
		Deadlines: deadlines,
		Progress:  func(states []ready.ServiceState) { progress(serviceStatuses(states)) },
	})
	var notReady *ready.NotReadyError
	if errors.As(err, &notReady) {
		return cmp.Or(s.lostNamespace(ctx), error(&release.Failure{Cause: string(notReady.Cause.Code), Message: withDetail(notReady.Cause)}))
	}
	if err != nil {
		return err
	}
	return s.lostNamespace(ctx)
}

// lostNamespace returns a failure when the stage's namespace is being deleted, gone or
// somebody else's: nothing is live there, whatever its objects say.
func (s *Target) lostNamespace(ctx context.Context) error {
	namespace := s.stage.Spec.Namespace
	if there, certain := s.connection.Live.Namespace(namespace); certain && there {
		return nil
	}
	wrong, err := s.connection.Namespaces.State(ctx, namespace, s.tenant().Labels())
	if err != nil || wrong == "" {
		return err
	}
	return &release.Failure{Cause: string(cause.NamespaceLost), Message: wrong}
}

// withDetail puts a cause's further lines, such as the last of a log, below
// its sentence.
func withDetail(c cause.Cause) string {
	if c.Detail == "" {
		return c.Sentence
	}
	return c.Sentence + "\n" + c.Detail
}

// serviceStatuses shows how the services of the project run; what belongs to
// none is left out.
func serviceStatuses(states []ready.ServiceState) []v1alpha1.ServiceStatus {
	var statuses []v1alpha1.ServiceStatus
	for _, state := range states {
		if state.Service == "" {
			continue
		}
		status := v1alpha1.ServiceStatus{Name: state.Service, Ready: state.Ready, Wanted: state.Wanted}
		if state.Cause != nil {
			status.Message = withDetail(*state.Cause)
		}
		statuses = append(statuses, status)
	}
	return statuses
}

// Prune implements release.Target.
func (s *Target) Prune(ctx context.Context) (int32, error) {
	applier, err := s.connect()
	if err != nil {
		return 0, err
	}
	defer s.targets.takeTurn(s.stage.Spec.Namespace)()
	removal, err := applier.Prune(ctx, s.owner)
	if err != nil {
		return count(removal.Deleted), err
	}
	if err := s.keepHosts(ctx); err != nil {
		return count(removal.Deleted), err
	}
	swept, err := s.sweepSealed(ctx)
	return count(removal.Deleted) + swept, err
}

// Watched reports whether every kind of object that the stage may hold is under
// watch, so that changes by others are noticed.
func (s *Target) Watched() bool { return s.connection.Live.Synced() }

// TryTurn keeps everybody else from writing to the stage until done is called,
// unless somebody writes now.
func (s *Target) TryTurn() (done func(), free bool) { return s.targets.tryTurn(s.stage.Spec.Namespace) }

// Bundle returns the manifests of one of the stage's releases.
func (s *Target) Bundle(ctx context.Context, name, digest string) ([]byte, error) {
	return s.targets.Bundles.Get(ctx, bundleStage(s.stage), name, digest)
}

// Drift returns what others changed or deleted since the stage was applied. A
// *release.Failure says that nothing can be live, because the namespace is lost.
func (s *Target) Drift(ctx context.Context) ([]inventory.Drift, error) {
	if err := s.lostNamespace(ctx); err != nil {
		return nil, err
	}
	applier, err := s.connect()
	if err != nil {
		return nil, err
	}
	return applier.Drift(ctx, s.owner)
}

// Repair brings what others changed or deleted back to what was last applied,
// as it stands in one of the manifests; what is named in leave stays.
func (s *Target) Repair(ctx context.Context, manifests [][]byte, leave []inventory.Key) (apply.Report, error) {
	applier, err := s.connect()
	if err != nil {
		return apply.Report{}, err
	}
	return applier.Repair(ctx, apply.Repair{
		Owner: s.owner, Cluster: s.cluster.Name, Namespace: s.stage.Spec.Namespace, Manifests: manifests, Leave: leave,
	})
}

// Teardown takes everything down that the stage owns, and says what remains; empty
// when all is gone.
func (s *Target) Teardown(ctx context.Context) (remains string, err error) {
	remains, err = s.connection.Namespaces.Delete(ctx, s.stage.Spec.Namespace, s.tenant().Labels())
	if err != nil || remains != "" {
		return remains, err
	}
	s.targets.setAble(s.stage.Spec.Namespace, false)
	s.targets.setUnsealed(s.stage.Spec.Namespace, false)
	if err := s.connection.Hosts.Keep(ctx, s.owner, s.stage.Spec.Namespace, nil); err != nil {
		return "", err
	}
	s.connection.Live.Forget(s.stage.Spec.Namespace)
	inventory, err := s.targets.store.Load(ctx, s.owner)
	if err != nil {
		return "", err
	}
	if err := s.targets.store.Delete(ctx, inventory); err != nil {
		return "", err
	}
	return "", s.targets.Bundles.Prune(ctx, bundleStage(s.stage), 0, nil)
}
