package project

// Service is one deployable part of a project. Exactly one of Build, Image,
// Template, Compose, Helm and Kustomize names its source.
type Service struct {
	Build     *Build     `json:"build,omitempty"`
	Image     string     `json:"image,omitempty"`
	Template  string     `json:"template,omitempty"`
	With      Parameters `json:"with,omitempty"`
	Compose   *Compose   `json:"compose,omitempty"`
	Helm      *Helm      `json:"helm,omitempty"`
	Kustomize string     `json:"kustomize,omitempty"`

	Command []string `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	Port    int32    `json:"port,omitempty"`
	// Ports are additional ports of the Kubernetes Service, by name.
	Ports     map[string]int32  `json:"ports,omitempty"`
	Routes    []Route           `json:"routes,omitempty"`
	Health    *Health           `json:"health,omitempty"`
	Scale     *Scale            `json:"scale,omitempty"`
	Resources Resources         `json:"resources,omitzero"`
	Env       map[string]string `json:"env,omitempty"`
	// Secrets names Secrets that the stage must hold; their keys become
	// environment variables. Never values.
	Secrets []string `json:"secrets,omitempty"`
	Volumes []Volume `json:"volumes,omitempty"`
	// Release runs before the new version gets traffic; its failure stops the
	// release.
	Release *Hook `json:"release,omitempty"`
	// Schedule makes the service a CronJob (five-field cron expression).
	Schedule string `json:"schedule,omitempty"`
	// Security says whom the service runs as, and what it may beyond the others.
	Security *Security `json:"security,omitempty"`
	// Deadline is how long a release waits for the service to become ready, a
	// Go duration string; empty means the server's default.
	Deadline string `json:"deadline,omitempty"`
	// Stages overrides fields per stage, by stage name.
	Stages map[string]Service `json:"stages,omitempty"`
}

// SourceKind names where a service comes from.
type SourceKind string

// The sources a service can have.
const (
	SourceBuild     SourceKind = "build"
	SourceImage     SourceKind = "image"
	SourceTemplate  SourceKind = "template"
	SourceCompose   SourceKind = "compose"
	SourceHelm      SourceKind = "helm"
	SourceKustomize SourceKind = "kustomize"
)

// Source returns the kind of the service's source, empty when it has none.
func (s Service) Source() SourceKind {
	switch {
	case s.Build != nil:
		return SourceBuild
	case s.Image != "":
		return SourceImage
	case s.Template != "":
		return SourceTemplate
	case s.Compose != nil:
		return SourceCompose
	case s.Helm != nil:
		return SourceHelm
	case s.Kustomize != "":
		return SourceKustomize
	}
	return ""
}

// Build is an image built from a Dockerfile in a git repository.
type Build struct {
	Context    string            `json:"context,omitempty"`    // slash-separated path, default "."
	Dockerfile string            `json:"dockerfile,omitempty"` // path below Context, default "Dockerfile"
	Target     string            `json:"target,omitempty"`
	Args       map[string]string `json:"args,omitempty"`
	// Assemble says whether an image that needs no execution is assembled by Slipway
	// itself. Nil means that it is.
	Assemble *bool `json:"assemble,omitempty"`
	// Watch lists more paths of the repository that the image depends on.
	Watch      []string `json:"watch,omitempty"`
	Repository string   `json:"repository,omitempty"`
	Ref        string   `json:"ref,omitempty"`
}

// Compose takes services of Compose files.
type Compose struct {
	// File is the path of the only file, Files those of several, of which later
	// ones are merged into earlier ones. One of the two is given.
	File  string   `json:"file,omitempty"`
	Files []string `json:"files,omitempty"`
	// Services are the ones to take; empty means those without profiles and
	// those of Profiles.
	Services []string `json:"services,omitempty"`
	Profiles []string `json:"profiles,omitempty"`
	// Variables are the values of ${NAME}; they win over a committed .env file.
	Variables map[string]string `json:"variables,omitempty"`
}

// Paths returns the paths of the files.
func (c Compose) Paths() []string {
	if c.File != "" {
		return []string{c.File}
	}
	return c.Files
}

// Helm renders a chart.
type Helm struct {
	Chart  string         `json:"chart"`
	Values []string       `json:"values,omitempty"`
	Set    map[string]any `json:"set,omitempty"`
}

// Parameters are the values given to a template.
type Parameters map[string]any

// Route exposes the service's port under a path (and host) of the stage.
type Route struct {
	Path string `json:"path"`
	Host string `json:"host,omitempty"`
}

// Health is the HTTP path or command that checks whether the service is healthy.
type Health struct {
	Path    string   `json:"path,omitempty"`
	Command []string `json:"command,omitempty"`
	// InitialDelay is in seconds.
	InitialDelay int32 `json:"initialDelay,omitempty"`
}

// Scale bounds the number of replicas. CPU is the target utilisation in
// percent; an autoscaler is made when Max > Min.
type Scale struct {
	Min int32 `json:"min"`
	Max int32 `json:"max,omitempty"`
	CPU int32 `json:"cpu,omitempty"`
}

// Resources are Kubernetes quantities; empty means unset.
type Resources struct {
	CPU    string `json:"cpu,omitempty"`
	Memory string `json:"memory,omitempty"`
}

// Volume is a persistent volume mounted at Path. Size is a Kubernetes
// quantity.
type Volume struct {
	Path string `json:"path"`
	Size string `json:"size"`
	Name string `json:"name,omitempty"`
}

// Hook is a command that runs once per release.
type Hook struct {
	Command []string `json:"command"`
}

// Security is what a service's containers run as, and the rights that they ask
// for. The project's policy must allow each.
type Security struct {
	RunAsRoot bool   `json:"runAsRoot,omitempty"`
	RunAsUser *int64 `json:"runAsUser,omitempty"`
	// WritableRoot says whether containers may write to their root file system. Nil
	// means that they may, except under the level restricted.
	WritableRoot  *bool    `json:"writableRoot,omitempty"`
	Capabilities  []string `json:"capabilities,omitempty"`
	ServiceTokens bool     `json:"serviceTokens,omitempty"`
}
