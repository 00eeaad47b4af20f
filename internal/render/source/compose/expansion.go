package compose

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/source/compose/file"
	"github.com/slipway-dev/slipway/internal/render/source/compose/key"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// The library's names say little beside ours.
type (
	service         = types.ServiceConfig
	volumeConfig    = types.ServiceVolumeConfig
	configReference = types.ServiceConfigObjConfig
	secretReference = types.ServiceSecretConfig
)

// expansion maps the selected services of the files.
type expansion struct {
	*file.Compose
	commit file.Commit
	of     source.Service // of the project file

	taken   []string          // the files' names of the selected services, sorted
	names   map[string]string // their names in the stage
	builds  map[string]build  // of those that are built
	once    map[string]bool   // those that end by themselves
	volumes map[string]*volume
	inputs  map[string]*workload.Input
}

// expand reads and maps the files. Its error says everything that is wrong.
func expand(ctx context.Context, s source.Service, commit file.Commit) (*expansion, error) {
	read, err := file.Read(ctx, s, commit)
	if err != nil {
		return nil, err
	}
	if read.Project == nil {
		return nil, read.Err()
	}
	e := &expansion{
		Compose: read, commit: commit, of: s,
		names: map[string]string{}, builds: map[string]build{}, volumes: map[string]*volume{}, inputs: map[string]*workload.Input{},
	}
	if e.taken = e.selected(); len(e.taken) == 0 {
		return nil, e.Err()
	}
	key.Check(e.Compose, e.isTaken)
	e.checkReferences()
	if err := e.services(); err != nil {
		return nil, err
	}
	return e, e.Err()
}

// services maps every selected service, and then what they have together.
func (e *expansion) services() error {
	e.once = e.oneShots()
	for _, name := range e.taken {
		if err := e.build(name); err != nil {
			return err
		}
	}
	e.findVolumes()
	for _, name := range e.taken {
		if err := e.service(name); err != nil {
			return err
		}
	}
	e.shareVolumes()
	e.reach()
	e.adviseRoutes()
	e.adviseMemory()
	return nil
}

func (e *expansion) service(name string) error {
	from := e.Project.Services[name]
	in := &workload.Input{Name: e.names[name], Image: from.Image, WorkingDir: from.WorkingDir, TTY: from.Tty, Stdin: from.StdinOpen}
	in.Service = project.Service{Image: from.Image, Command: from.Entrypoint, Args: from.Command}
	e.inputs[name] = in
	e.cleared(name, from, in)
	if _, built := e.builds[name]; !built && from.Image == "" && from.Build == nil {
		e.Refuse(e.key(name, "image"), "the service has neither image nor build; give it one, or name the file that does in compose.files of slipway.yaml, before this one")
	}
	steps := []func(string, service, *workload.Input) error{e.environment, e.volumeMounts, e.configs, e.secrets}
	for _, step := range steps {
		if err := step(name, from, in); err != nil {
			return err
		}
	}
	e.ports(name, from, in)
	e.health(name, from, in)
	e.scale(name, from, in)
	e.resources(name, from, in)
	e.security(name, from, in)
	e.routes(name, from, in)
	e.restart(name, from, in)
	if from.StopGracePeriod != nil {
		in.Grace = int64(*from.StopGracePeriod) / 1e9
	}
	return nil
}

// cleared takes the image's own entry point or command away, where Kubernetes
// can.
func (e *expansion) cleared(name string, from service, in *workload.Input) {
	noEntrypoint := from.Entrypoint != nil && len(from.Entrypoint) == 0
	noCommand := from.Command != nil && len(from.Command) == 0
	switch {
	case noEntrypoint && len(from.Command) > 0:
		in.Service.Command, in.Service.Args = in.Service.Args, nil
	case noEntrypoint:
		e.Refuse(e.key(name, "entrypoint"), "the image's entry point is only taken away together with a command; write one")
	case noCommand && len(from.Entrypoint) == 0:
		e.Warn(e.key(name, "command"), "the image's own command can't be taken away alone; it is left: write entrypoint, too")
	}
}

// key returns the place of a service's key.
func (e *expansion) key(service string, path ...string) tree.Place {
	return e.At(append([]string{"services", service}, path...)...)
}

// selected returns the services that the project file takes, sorted, and gives
// them their names in the stage.
func (e *expansion) selected() []string {
	var names []string
	wanted := e.of.Spec.Compose.Services
	for _, name := range wanted {
		if _, known := e.Project.Services[name]; !known {
			e.Refuse(e.of.Place("compose.services"), "%s has no service %s; it has %s", tree.Quote(e.paths()), tree.Quote(name), strings.Join(slices.Sorted(maps.Keys(e.Project.Services)), ", "))
			continue
		}
		names = append(names, name)
	}
	if len(wanted) == 0 {
		names = e.unprofiled()
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range names {
		e.nameInStage(name)
	}
	return names
}

// unprofiled returns the services without profiles, and those whose profile is
// wanted.
func (e *expansion) unprofiled() []string {
	profiles := e.of.Spec.Compose.Profiles
	if len(profiles) == 0 {
		profiles = strings.FieldsFunc(e.Variables["COMPOSE_PROFILES"], func(c rune) bool { return c == ',' || c == ' ' })
	}
	var names []string
	for name, one := range e.Project.Services {
		if len(one.Profiles) == 0 || slices.ContainsFunc(one.Profiles, func(p string) bool { return slices.Contains(profiles, p) || slices.Contains(profiles, "*") }) {
			names = append(names, name)
		}
	}
	switch all := slices.Sorted(maps.Keys(e.Project.Services)); {
	case len(all) == 0:
		e.Refuse(e.At("services"), "there is no service; add one")
	case len(names) == 0:
		e.Refuse(e.At("services", all[0]), "every service has a profile; name those to take in compose.services of slipway.yaml (%s), or profiles in compose.profiles", strings.Join(all, ", "))
	}
	return names
}

func (e *expansion) paths() string { return strings.Join(e.of.Spec.Compose.Paths(), ", ") }

var (
	stageName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$`)
	notInName = regexp.MustCompile(`[^a-z0-9]+`)
)

// nameInStage gives a service a name that Kubernetes can have.
func (e *expansion) nameInStage(name string) {
	at := e.At("services", name)
	given := strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if stageName.MatchString(name) {
		given = name
	}
	if !stageName.MatchString(given) {
		e.Refuse(at, "a service's name has at most 40 letters, digits and dashes, and begins with a letter; rename it")
	}
	for other, taken := range e.names {
		if taken == given {
			e.Refuse(at, "it is called %s here, as %s is too; rename one of them", given, tree.Quote(other))
		}
	}
	e.names[name] = given
	if given == name {
		return
	}
	for _, other := range slices.Sorted(maps.Keys(e.Project.Services)) {
		if other != name && mentions(e.Project.Services[other], name) {
			e.Refuse(at, "Kubernetes has no such name, and the service %s calls it; rename it to %s in both", other, given)
			return
		}
	}
	e.Warn(at, "Kubernetes has no such name; it is called %s here", given)
}

// mentions reports whether a service's environment or command has a name.
func mentions(s service, name string) bool {
	word := regexp.MustCompile(`(^|[^A-Za-z0-9_.-])` + regexp.QuoteMeta(name) + `($|[^A-Za-z0-9_.-])`)
	return slices.ContainsFunc(texts(s), word.MatchString)
}

// texts returns what a service says to its process.
func texts(s service) []string {
	all := slices.Concat([]string(s.Command), []string(s.Entrypoint))
	for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
		if value := s.Environment[name]; value != nil {
			all = append(all, *value)
		}
	}
	return all
}

// checkReferences refuses names that nothing has, as Compose does.
func (e *expansion) checkReferences() {
	for _, name := range e.taken {
		from := e.Project.Services[name]
		e.checkDependencies(name, from)
		for _, network := range slices.Sorted(maps.Keys(from.Networks)) {
			if _, known := e.Project.Networks[network]; !known && network != "default" {
				e.Refuse(e.key(name, "networks", network), "the network %s is not declared; add it to the top-level networks", tree.Quote(network))
			}
		}
	}
	e.checkIsolation()
}

// checkDependencies refuses dependencies that nothing has, and says which are
// not taken.
func (e *expansion) checkDependencies(name string, from service) {
	for other, dependency := range from.DependsOn {
		_, known := e.Project.Services[other]
		switch at := e.key(name, "depends_on", other); {
		case !known && dependency.Required:
			e.Refuse(at, "there is no service %s; correct the name", tree.Quote(other))
		case known && dependency.Required && !slices.Contains(e.taken, other):
			e.Warn(at, "%s is not taken from the file; name it in compose.services of slipway.yaml, or its profile in compose.profiles, unless it runs by other means", other)
		}
	}
}

// checkIsolation says that networks no longer separate services.
func (e *expansion) checkIsolation() {
	used := map[string]bool{}
	for _, name := range e.taken {
		for network := range e.Project.Services[name].Networks {
			used[network] = true
		}
	}
	if len(used) > 1 {
		e.Warn(e.At("networks"), "a stage is one network: services of %s reach each other", strings.Join(slices.Sorted(maps.Keys(used)), ", "))
	}
}
