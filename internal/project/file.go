package project

import (
	"maps"
	"sort"
)

// FileName is the project file's path at the root of a repository.
const FileName = "slipway.yaml"

// File is a checked project file.
type File struct {
	Version  int       `json:"version"`
	Project  string    `json:"project"`
	Members  []Member  `json:"members,omitempty"`
	Stages   []Stage   `json:"stages"`
	Previews *Previews `json:"previews,omitempty"`
	// Overlay is the path of a Kustomize directory in the repository that lies
	// over the services of every stage, below the stage's own overlay.
	Overlay  string             `json:"overlay,omitempty"`
	Services map[string]Service `json:"services"`
	// Sealed are values of the stages' Secrets, encrypted for the project.
	Sealed Sealed `json:"sealed,omitempty"`
}

// Sealed are encrypted values by the name of the Secret and the key in it.
type Sealed = map[string]map[string]string

// Stage is a branch rule, one namespace and one overlay. Exactly one of Branch
// and Tag says which refs feed it.
type Stage struct {
	Name string `json:"name"`
	// Branch is an exact branch name or a glob (feature/*), which makes one
	// stage per matching branch.
	Branch string `json:"branch,omitempty"`
	// Tag is a glob over tag names (v*).
	Tag string `json:"tag,omitempty"`
	// Overlay is the path of a Kustomize directory in the repository.
	Overlay     string            `json:"overlay,omitempty"`
	Protected   bool              `json:"protected,omitempty"`
	Requires    Requires          `json:"requires,omitzero"`
	PromoteFrom string            `json:"promoteFrom,omitempty"`
	Hosts       map[string]string `json:"hosts,omitempty"`
	Resources   Resources         `json:"resources,omitzero"`
	// TTL is how long a stage of a pattern rule lives after its last push; a
	// Go duration string, empty means for ever.
	TTL string `json:"ttl,omitempty"`
	// OnDelete says what happens when the branch is deleted: "delete" removes
	// the stage and what it owns, "keep" (the default of an exact branch)
	// leaves it running. Stages of a pattern rule default to "delete".
	OnDelete string `json:"onDelete,omitempty"`
	// Rollback "auto" returns the stage to its last good bundle when a
	// release fails; "never" is the default.
	Rollback string `json:"rollback,omitempty"`
	// Freeze lists windows in which nothing is deployed automatically.
	Freeze []Freeze `json:"freeze,omitempty"`
	// Sleep is the part of every day in which the stage has no pods, as ParseHours
	// reads it; empty means none.
	Sleep string `json:"sleep,omitempty"`
	// Sealed are more values, and those that differ from the file's. File.Stage
	// returns a stage with all of them.
	Sealed Sealed `json:"sealed,omitempty"`
}

// Freeze is a window of time in which a stage is not deployed to.
type Freeze struct {
	// From and Until are RFC 3339 instants.
	From   string `json:"from"`
	Until  string `json:"until"`
	Reason string `json:"reason,omitempty"`
}

// Requires are the gates in front of a stage.
type Requires struct {
	Checks    []string `json:"checks,omitempty"`
	Approvals int      `json:"approvals,omitempty"`
}

// Previews says how pull requests get stages of their own.
type Previews struct {
	From       string   `json:"from"`
	Into       []string `json:"into,omitempty"`
	Forks      string   `json:"forks,omitempty"` // never, approve or always
	Drafts     bool     `json:"drafts,omitempty"`
	Labels     []string `json:"labels,omitempty"`
	Limit      int      `json:"limit,omitempty"`
	TTL        string   `json:"ttl,omitempty"`
	SleepAfter string   `json:"sleepAfter,omitempty"`
	Access     string   `json:"access,omitempty"` // link or public; empty is link where the gate is in front
	// Services are what differs in previews, by service.
	Services map[string]PreviewService `json:"services,omitempty"`
	// Secrets are the sealed values of previews, which have none of the stage's.
	Secrets Sealed `json:"secrets,omitempty"`
	// Templates are parameters that services of a template have in previews, by the
	// template's name.
	Templates map[string]Parameters `json:"templates,omitempty"`
}

// Stage returns the stage rule called name, with all sealed values that it
// has: the file's, overlaid by its own key by key.
func (f *File) Stage(name string) (Stage, bool) {
	for _, s := range f.Stages {
		if s.Name == name {
			s.Sealed = overlay(f.Sealed, s.Sealed)
			return s, true
		}
	}
	return Stage{}, false
}

// Rule returns the rule of a stage by its name. That of a preview is what previews
// take of the stage that they are made from: its overlay and what it may use, but
// nothing that is for this stage alone, such as hosts, sealed values and protection; they
// have sealed values of their own.
func (f *File) Rule(name string, preview bool) (Stage, bool) {
	stage, found := f.Stage(name)
	if !preview {
		return stage, found
	}
	rule := Stage{Name: stage.Name, Overlay: stage.Overlay, Resources: stage.Resources, Rollback: stage.Rollback}
	if f.Previews != nil {
		rule.Sealed = f.Previews.Secrets
	}
	return rule, found
}

func overlay(layers ...Sealed) Sealed {
	all := Sealed{}
	for _, layer := range layers {
		for name, values := range layer {
			if all[name] == nil {
				all[name] = make(map[string]string, len(values))
			}
			maps.Copy(all[name], values)
		}
	}
	return all
}

// ServiceNames returns the names of all services in byte order.
func (f *File) ServiceNames() []string {
	names := make([]string, 0, len(f.Services))
	for name := range f.Services {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
