package target

import (
	"context"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/assemble"
	"github.com/slipway-dev/slipway/internal/bundle"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// Targets finds the place of every stage. It is safe for concurrent use.
type Targets struct {
	client     client.Client
	clusters   *cluster.Clusters
	identities *Identities
	store      inventory.Store
	Bundles    *bundle.Store
	assembler  *assemble.Assembler
	self       tenancy.Subject
	// OwnHosts are those that Slipway itself is reached at.
	OwnHosts []string
	// GateNamespace is where the gate in front of previews runs; empty when there is
	// none.
	GateNamespace string

	mu       sync.Mutex
	able     map[string]bool // namespaces whose account has its rights
	turns    map[string]*sync.Mutex
	unsealed map[string]bool // namespaces without sealed Secrets
}

// NewTargets returns the places of the stages that the control cluster knows.
func NewTargets(c client.Client, clusters *cluster.Clusters, self tenancy.Subject) (*Targets, error) {
	store, err := inventory.NewConfigMaps(clusters.Config)
	if err != nil {
		return nil, err
	}
	return &Targets{
		client: c, clusters: clusters, identities: &Identities{clusters.Secrets}, store: inventory.Remember(store), Bundles: bundle.NewStore(c), assembler: assemble.New(assemble.Options{}), self: self,
		able: map[string]bool{}, unsealed: map[string]bool{},
		turns: map[string]*sync.Mutex{},
	}, nil
}

// Inputs gathers everything that a release of the stage works with, except the
// release itself.
func (s *Targets) Inputs(ctx context.Context, stage *v1alpha1.Stage) (release.Inputs, error) {
	var p v1alpha1.Project
	if err := s.read(ctx, "Project", client.ObjectKey{Namespace: stage.Namespace, Name: stage.Spec.Project}, &p); err != nil {
		return release.Inputs{}, err
	}
	place, err := s.place(ctx, stage, &p)
	if err != nil {
		return release.Inputs{}, err
	}
	organization := place.owner.Organization
	return release.Inputs{
		Organization: organization, Project: &p, Cluster: place.cluster, Stage: stage,
		Templates: func(ctx context.Context) (render.OwnTemplates, error) {
			return OwnTemplates(ctx, s.client, organization)
		},
		Seed:     func(ctx context.Context) ([]byte, error) { return s.seed(ctx, stage, &p) },
		OwnHosts: s.OwnHosts,
		Target:   place, Claims: place, Builds: s.imageBuilds(organization, stage, place.cluster, place.connection),
	}, nil
}

// place connects to where a stage of a project is.
func (s *Targets) place(ctx context.Context, stage *v1alpha1.Stage, p *v1alpha1.Project) (*Target, error) {
	owner, err := ownerOf(stage)
	if err != nil {
		return nil, err
	}
	var cluster v1alpha1.Cluster
	if err := s.read(ctx, "Cluster", client.ObjectKey{Namespace: stage.Namespace, Name: p.Spec.Cluster}, &cluster); err != nil {
		return nil, err
	}
	connection, err := s.clusters.Connect(ctx, &cluster)
	if err != nil {
		return nil, err
	}
	return &Target{targets: s, stage: stage, project: p, cluster: &cluster, connection: connection, owner: owner}, nil
}

// ownerOf returns the stage as the owner of objects.
func ownerOf(stage *v1alpha1.Stage) (inventory.Owner, error) {
	organization, ok := naming.OrganizationOf(stage.Namespace)
	if !ok {
		return inventory.Owner{}, fault.New(fault.Invalid, "stage %s is in namespace %s, which is no organization's", stage.Name, stage.Namespace)
	}
	return inventory.Owner{Organization: organization, Project: stage.Spec.Project, Stage: stage.Spec.Name}, nil
}

func (s *Targets) read(ctx context.Context, kind string, key client.ObjectKey, into client.Object) error {
	err := s.client.Get(ctx, key, into)
	if apierrors.IsNotFound(err) {
		return fault.Wrap(fault.NotFound, err, "%s %s does not exist; create it", kind, key)
	}
	if err != nil {
		return fmt.Errorf("read %s %s: %w", kind, key, err)
	}
	return nil
}

// Of returns the site of a stage.
func (s *Targets) Of(ctx context.Context, stage *v1alpha1.Stage) (*Target, error) {
	order, err := s.Inputs(ctx, stage)
	if err != nil {
		return nil, err
	}
	return order.Target.(*Target), nil
}

// isAble reports whether a stage's account is known to have its rights.
func (s *Targets) isAble(namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.able[namespace]
}

// setAble notes whether a stage's account has its rights.
func (s *Targets) setAble(namespace string, able bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if able {
		s.able[namespace] = true
		return
	}
	delete(s.able, namespace)
}

// turnOf returns what lets one at a time write to a stage.
func (s *Targets) turnOf(namespace string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns[namespace] == nil {
		s.turns[namespace] = &sync.Mutex{}
	}
	return s.turns[namespace]
}

// takeTurn waits until nobody else writes to a stage. The caller calls done
// when it has written.
func (s *Targets) takeTurn(namespace string) (done func()) {
	turn := s.turnOf(namespace)
	turn.Lock()
	return turn.Unlock
}

// tryTurn takes the turn only when nobody has it.
func (s *Targets) tryTurn(namespace string) (done func(), free bool) {
	turn := s.turnOf(namespace)
	return turn.Unlock, turn.TryLock()
}

// isUnsealed reports whether a namespace is known to hold no sealed Secret.
func (s *Targets) isUnsealed(namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unsealed[namespace]
}

// setUnsealed notes whether a namespace holds no sealed Secret.
func (s *Targets) setUnsealed(namespace string, bare bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bare {
		s.unsealed[namespace] = true
		return
	}
	delete(s.unsealed, namespace)
}

// imageBuilds returns where a stage's images are built and found. What is built of a
// fork is nobody else's, and it may use what the project's own commits made.
func (s *Targets) imageBuilds(organization string, stage *v1alpha1.Stage, cluster *v1alpha1.Cluster, connection *cluster.Connection) release.ImageBuilds {
	registry, class, trusted := cluster.Spec.Registry, "", ""
	if stage.Spec.Fork {
		class, trusted = stage.Spec.Name, build.Repository(registry.Host, registry.Prefix, organization, stage.Spec.Project, "")
	}
	return release.ImageBuilds{
		Class:    class,
		Trusted:  trusted,
		Registry: connection.Registry,
		Builder:  connection.Builder,
		Executor: s.clusters.Builds.Executor,
		Assemble: func(ctx context.Context, order assemble.Order) (string, error) {
			return s.assembler.Assemble(ctx, connection.Registry, order)
		},
		Request: build.Request{
			Organization: organization,
			Project:      stage.Spec.Project,
			Namespace:    naming.BuildNamespace(organization, stage.Spec.Project),
			Repository:   build.Repository(registry.Host, registry.Prefix, organization, stage.Spec.Project, class),
			Insecure:     registry.Insecure,
			Credentials:  connection.Push,
			Platform:     "linux/amd64",
		},
	}
}

// stageConfig is how the cluster is reached as the stage's service account.
// The API server itself adds the groups of service accounts.
func stageConfig(connection *cluster.Connection, namespace string) *rest.Config {
	config := rest.CopyConfig(connection.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + naming.StageServiceAccount}
	return config
}

// PruneBundles deletes the bundles of a stage that are not among those used,
// when more than slack are.
func (s *Targets) PruneBundles(ctx context.Context, stage *v1alpha1.Stage, slack int, used []string) error {
	return s.Bundles.Prune(ctx, bundleStage(stage), slack, used)
}

// Teardown removes everything that a stage owns, and says what remains; empty when
// all is gone.
func (s *Targets) Teardown(ctx context.Context, stage *v1alpha1.Stage) (remains string, err error) {
	target, err := s.Of(ctx, stage)
	if fault.CodeOf(err) == fault.NotFound {
		target, err = s.orphan(ctx, stage)
	}
	if err != nil {
		return "", err
	}
	return target.Teardown(ctx)
}

// orphan returns the place of a stage whose Project is gone, as far as the inventory
// says on which cluster it is.
func (s *Targets) orphan(ctx context.Context, stage *v1alpha1.Stage) (*Target, error) {
	owner, err := ownerOf(stage)
	if err != nil {
		return nil, err
	}
	known, err := s.store.Load(ctx, owner)
	if err != nil {
		return nil, err
	}
	if known.Cluster == "" {
		return nil, fault.New(fault.NotFound, "Project %s does not exist, and nothing else says on which cluster the stage is; create the Project again, or delete namespace %s there and then the finalizer %s of the Stage",
			stage.Spec.Project, stage.Spec.Namespace, release.StageFinalizer)
	}
	p := &v1alpha1.Project{Spec: v1alpha1.ProjectSpec{Cluster: known.Cluster}}
	p.Name, p.Namespace = stage.Spec.Project, stage.Namespace
	return s.place(ctx, stage, p)
}
