package render

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/contain"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Request says what to render for which stage. It survives JSON.
type Request struct {
	Organization string `json:"organization"`
	Project      string `json:"project"`
	Stage        string `json:"stage"`
	// Namespace is the stage's; empty means the one that naming gives it.
	Namespace string `json:"namespace,omitempty"`
	Commit    string `json:"commit,omitempty"`
	// Services are the effective services of the stage.
	Services map[string]project.Service `json:"services"`
	// Images are the references, by digest, of the services that Slipway
	// built. An entry for an image service replaces its tag.
	Images map[string]string `json:"images,omitempty"`
	// ImageConfigs are what images say of themselves, by reference as services have
	// them. What isn't there isn't known.
	ImageConfigs map[string]project.ImageConfig `json:"imageConfigs,omitempty"`
	// Overlays lie over the bases in this order: the project's, then the
	// stage's.
	Overlays []OverlayReference `json:"overlays,omitempty"`
	// Hosts are what a service's routes are reached at, by service.
	Hosts   map[string][]string `json:"hosts,omitempty"`
	Ingress v1alpha1.Ingress    `json:"ingress,omitzero"`
	// ImagePullSecret names the Secret in the stage's namespace that all pods
	// pull their images with; empty means that nodes pull without.
	ImagePullSecret string `json:"imagePullSecret,omitempty"`
	// PodSecurity is the level that pods are made for; empty means contained.
	PodSecurity v1alpha1.PodSecurity `json:"podSecurity,omitempty"`
	// ServiceTokens leaves it to pods whether they hold a token of their service
	// account; else those hold none that don't say so.
	ServiceTokens bool `json:"serviceTokens,omitempty"`
	// SharedClass is the storage class of volumes that several pods use; empty
	// means that those pods run on one node.
	SharedClass string `json:"sharedClass,omitempty"`
	// Sealed are the Secrets with sealed values, each with a hash of them: see
	// SealHashes.
	Sealed map[string]string `json:"sealed,omitempty"`
	// Capabilities are what charts see of the cluster.
	Capabilities Capabilities `json:"capabilities,omitzero"`
	// Seed is what the generated values of charts are derived from, which only the
	// server knows; without one they are shown as <generated>.
	Seed []byte `json:"seed,omitempty"`
	// Explain asks for nothing but the origins of the objects.
	Explain bool `json:"explain,omitempty"`
	// Builds asks for nothing but what Compose files build, and what is to be
	// said of them.
	Builds bool `json:"builds,omitempty"`
	// Templates are the organization's own.
	Templates OwnTemplates `json:"templates,omitzero"`
	// FromTemplates are services that were made from templates, which write what
	// Kubernetes expands.
	FromTemplates map[string]bool `json:"fromTemplates,omitempty"`
}

// MadeFromTemplates returns the services, of those that templates were expanded in,
// that were made from one.
func MadeFromTemplates(given, expanded map[string]project.Service) map[string]bool {
	made := map[string]bool{}
	for name := range expanded {
		if service, isGiven := given[name]; !isGiven || service.Template != "" {
			made[name] = true
		}
	}
	return made
}

// OverlayReference is a Kustomize directory of the repository, and where the
// project file names it.
type OverlayReference struct {
	Directory string `json:"directory"`
	Field     string `json:"field,omitempty"`
	Line      int    `json:"line,omitempty"` // from 1; 0 when it is not known
}

// Limits bound what one render may read.
type Limits = tree.Limits

// DefaultLimits returns limits that real repositories stay far below.
func DefaultLimits() Limits { return tree.DefaultLimits() }

// Files are what rendering needs of a commit. Kustomization files are in the
// form in which they were understood.
type Files struct {
	// Tree is what Kustomize sees of the repository.
	Tree map[string][]byte `json:"tree,omitempty"`
	// Sources are charts, Compose files and what they refer to.
	Sources map[string][]byte `json:"sources,omitempty"`
	// Overlays are the overlays of the request, in the order in which they
	// apply.
	Overlays []Overlay `json:"overlays,omitempty"`
}

// Overlay is a Kustomize directory that changes what the bases hold.
type Overlay struct {
	Directory string `json:"directory"`
	// File is the path of its kustomization file.
	File      string `json:"file"`
	Component bool   `json:"component,omitempty"`
	// Reaches are the directories that it refers to, itself included.
	Reaches []string `json:"reaches"`
}

// Result is what a stage consists of.
type Result struct {
	// Manifests are the objects as YAML documents, sorted.
	Manifests []byte `json:"manifests"`
	// Images are the image references without a digest, sorted.
	Images []string `json:"images,omitempty"`
	// Secrets must exist in the stage's namespace before the manifests are
	// applied. Those of templates that were expanded before are not among
	// them.
	Secrets []Secret `json:"secrets,omitempty"`
	// Builds is what is built for services of Compose files, by the service's
	// name in the stage; only of a request that asks for it.
	Builds map[string]project.Build `json:"builds,omitempty"`
	// Origins are the files that each object comes from, by Kind/name; only of
	// a request that asks for them.
	Origins map[string]string `json:"origins,omitempty"`
	// Warnings are sentences for the people who pushed.
	Warnings []string `json:"warnings,omitempty"`
}

// namespace returns the namespace that all objects are put into.
func (r Request) namespace() string {
	if r.Namespace != "" {
		return r.Namespace
	}
	return naming.Namespace(r.Organization, r.Project, r.Stage)
}

// containment returns what pods are completed to.
func (r Request) containment() contain.Policy {
	return contain.Policy{PodSecurity: r.PodSecurity, ServiceTokens: r.ServiceTokens}
}

// check refuses a request that nobody could render.
func (r Request) check() error {
	if r.Organization == "" || r.Project == "" || r.Stage == "" {
		return fault.New(fault.Internal, "render: organization, project and stage must be set, have %q, %q, %q", r.Organization, r.Project, r.Stage)
	}
	return nil
}

// includes reports whether an overlay already refers to the directory.
func (f Files) includes(dir string) bool {
	return slices.ContainsFunc(f.Overlays, func(o Overlay) bool {
		return slices.Contains(o.Reaches, dir)
	})
}

// kustomizationName returns the kustomization file's path in dir.
func (f Files) kustomizationName(dir string) (string, bool) {
	for _, name := range kustomization.FileNames() {
		candidate := join(dir, name)
		if _, found := f.Tree[candidate]; found {
			return candidate, true
		}
	}
	return "", false
}
