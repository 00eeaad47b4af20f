package desired

import (
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Set is everything that a stage should consist of.
type Set struct {
	Owner inventory.Owner
	// Cluster names the cluster the stage is placed on. An inventory made on
	// another cluster is refused.
	Cluster string
	// Namespace is the stage's namespace, which must exist.
	Namespace string
	// Manifests is canonical multi-document YAML.
	Manifests []byte
	// Leave names objects that are not repaired now, because somebody else
	// keeps changing them. An object whose document changed is applied anyway.
	Leave []inventory.Key
	// Rests is true when the stage falls asleep: a Job that runs once and failed is left
	// as it is, so that what follows it loses its pods nevertheless.
	Rests bool
}

// Limits of a set. Rendering has its own; these protect the inventory and the
// API server.
const (
	maxManifests = 64 << 20
	maxDocuments = 5000
	maxDocument  = 1 << 20
)

// Check returns an error about a set that can't be applied.
func (s Set) Check() error {
	switch {
	case s.Owner.Organization == "" || s.Owner.Project == "" || s.Owner.Stage == "":
		return fault.New(fault.Internal, "apply needs an organization, a project and a stage; got %+v", s.Owner)
	case s.Namespace == "":
		return fault.New(fault.Internal, "apply needs the namespace of %s", s.Owner)
	case len(s.Manifests) > maxManifests:
		return fault.New(fault.Invalid, "the manifests of %s are %d MiB, more than %d MiB; split the stage", s.Owner, len(s.Manifests)>>20, maxManifests>>20)
	}
	return nil
}
