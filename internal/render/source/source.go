package source

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// Source is one kind of place that services come from. Members keep no state.
// Their errors have the code fault.Invalid when the repository is to blame,
// and name the place in it.
type Source interface {
	// Expand replaces the services that have this source by the services that
	// they stand for, before anything is planned or built; other services stay
	// as they are. Sources whose services stand for themselves embed Concrete.
	Expand(services map[string]project.Service, own Templates) (map[string]project.Service, []Secret, error)
	// References returns the paths of the repository that the service names in
	// the project file. What those files refer to in turn is for Collect.
	References(s Service) []Reference
	// Collect reads every file that Base needs, and refuses references to
	// anything else.
	Collect(ctx context.Context, r *tree.Reader, s Service) error
	// Base returns what the service becomes, made from nothing but the
	// collected files. It is pure, but needs not end nor leave the process
	// alive on hostile input.
	Base(ctx context.Context, s Service, files map[string][]byte) (Base, error)
}

// Builder is a source whose files name what is built for its services.
type Builder interface {
	// Builds returns what is built, by the name of the workload that runs it,
	// made from nothing but the collected files, and the warnings of its base.
	Builds(ctx context.Context, s Service, files map[string][]byte) (builds map[string]project.Build, warnings []string, err error)
}

// Map holds the sources by the key of the project file that names them.
type Map map[project.SourceKind]Source

// Of returns the source of a service.
func (m Map) Of(s Service) (Source, error) {
	if member, known := m[s.Spec.Source()]; known {
		return member, nil
	}
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(m)) {
		kinds = append(kinds, string(kind))
	}
	return nil, s.Place("").Refuse("the service has no source; give it one of %s", strings.Join(kinds, ", "))
}

// Expand lets every source that services have replace them by what they stand
// for.
func (m Map) Expand(services map[string]project.Service, own Templates) (map[string]project.Service, []Secret, error) {
	used := map[project.SourceKind]bool{}
	for _, s := range services {
		used[s.Source()] = true
	}
	var secrets []Secret
	for _, kind := range slices.Sorted(maps.Keys(used)) {
		member, known := m[kind]
		if !known {
			continue // reading it says so, by place
		}
		expanded, needed, err := member.Expand(services, own)
		if err != nil {
			return nil, nil, err
		}
		services, secrets = expanded, append(secrets, needed...)
	}
	return services, secrets, nil
}

// Concrete is embedded by sources whose services stand for themselves.
type Concrete struct{}

// Expand returns the services as they are.
func (Concrete) Expand(services map[string]project.Service, _ Templates) (map[string]project.Service, []Secret, error) {
	return services, nil, nil
}

// Service is a service of the project file at one stage.
type Service struct {
	Name string
	Spec project.Service
	// Image is the reference, by digest, of the service's image; empty while
	// it is not built, or not resolved.
	Image string
	// Images are those of all services that are built, by name.
	Images map[string]string
	// Namespace is the stage's.
	Namespace string
	// Capabilities are what charts see of the cluster.
	Capabilities Capabilities
	// Seed is what the generated values of charts are derived from; without one
	// they are shown as Unknown.
	Seed   []byte
	Limits tree.Limits
	// FromTemplate says that the service was made from a template, which writes what
	// Kubernetes expands.
	FromTemplate bool
}

// Place returns where the project file holds a field of the service; an empty
// field means the service itself.
func (s Service) Place(field string) tree.Place {
	at := tree.Place{File: project.FileName, Field: "services." + s.Name}
	if field != "" {
		at.Field += "." + field
	}
	return at
}

// Templates are what an organization adds to the built-in service templates.
// They survive JSON.
type Templates struct {
	// Templates are descriptors, by file name; one that has the name of a
	// built-in template replaces it.
	Templates map[string][]byte `json:"templates,omitempty"`
	// Locks fix parameters, by template and parameter.
	Locks map[string]map[string]any `json:"locks,omitempty"`
}

// Reference is a path of the repository that a service names.
type Reference struct {
	// Field is the key below the service that holds the path.
	Field string
	Path  string
	Kind  ReferenceKind
	// Noun says what the file is, with its article: "a Compose file". It is
	// empty for directories.
	Noun string
}

// ReferenceKind is what must be at a path.
type ReferenceKind int

// The kinds of references.
const (
	Anything      ReferenceKind = iota // a file or a directory
	File                               // a regular file
	Directory                          // a directory
	Kustomization                      // a directory with a kustomization file
)

// Base is what a service becomes before any overlay: a Kustomize directory of
// the repository, workloads, or files with objects.
type Base struct {
	// Directory is a directory of the repository that Kustomize renders, which
	// Collect has walked. Nothing else of the base is set then but warnings.
	Directory string
	// Workloads are services in the words of the project file. Where they are
	// reached, and how their images are pulled, is filled in by the stage.
	Workloads []workload.Input
	// Files are manifests.
	Files []Manifest
	// From names what the base was made from, for people.
	From string
	// Generated are texts of the files that are derived from the seed.
	Generated []GeneratedText
	// Warnings are sentences for the people who pushed.
	Warnings []string
}

// Manifest is a file of a base, with objects as YAML documents.
type Manifest struct {
	Name string
	Data []byte
	// From is the path in the repository that it was made from; empty means
	// the base's.
	From string
}
