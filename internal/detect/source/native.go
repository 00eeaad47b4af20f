package source

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// carried are the keys of a service that slipway.yaml has words for, or that
// say nothing of what runs. The value is the reason where a key is left out.
func carried() map[string]string {
	return map[string]string{
		"build": "", "image": "", "command": "", "entrypoint": "", "environment": "", "env_file": "", "ports": "", "expose": "", "volumes": "", "healthcheck": "", "deploy": "", "scale": "",
		"mem_limit": "", "cpus": "", "mem_reservation": "", "user": "", "read_only": "", "cap_add": "", "depends_on": "", "restart": "", "networks": "", "container_name": "", "hostname": "", "profiles": "",
		"pull_policy": "", "develop": "", "attach": "", "name": "", "links": "",
		"labels": "labels of containers have no readers here: give the service routes", "logging": "the cluster collects what containers print", "platform": "the cluster's nodes decide the platform",
		"stdin_open": "nobody is at a terminal", "tty": "nobody is at a terminal", "init": "the image's own first process runs", "stop_grace_period": "Kubernetes gives 30 seconds",
		"extra_hosts": "names come from the cluster's name service", "dns": "the cluster's name service is used", "security_opt": "the project's policy decides it",
		"ulimits": "the node's limits are used", "stop_signal": "the image's own signal is used", "memswap_limit": "pods have no swap", "annotations": "annotations of containers have no readers here",
	}
}

// mustStay says why a service stays in the Compose files, empty when it becomes
// one of slipway.yaml. All is for those with an image, too.
func (c *compose) mustStay(name string, all bool) string {
	from := c.Project.Services[name]
	known := carried()
	keys, _ := c.model[name].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if _, is := known[key]; !is && (!strings.HasPrefix(key, "x-") || key == "x-slipway") && keys[key] != nil {
			return "slipway.yaml has no word for " + key
		}
	}
	switch {
	case from.Build == nil && !all:
		return "it is not built"
	case found.Name(name) != name:
		return "its name is not one of Kubernetes"
	case from.Build == nil && from.Image == "":
		return "it has neither image nor build"
	}
	for _, check := range []func(string) string{c.stayForBuild, c.stayForOthers, c.stayForVolumes, c.stayForNames} {
		if reason := check(name); reason != "" {
			return reason
		}
	}
	return ""
}

// stayForBuild looks at what is built.
func (c *compose) stayForBuild(name string) string {
	build := c.Project.Services[name].Build
	if build == nil {
		return ""
	}
	keys, _ := c.model[name].(map[string]any)
	long, _ := keys["build"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(long)) {
		if !slices.Contains([]string{"context", "dockerfile", "target", "args", "cache_from", "cache_to", "no_cache", "pull", "tags", "labels", "network", "platforms", "shm_size"}, key) && long[key] != nil {
			return "slipway.yaml has no word for build." + key
		}
	}
	d := c.dockerfile(name)
	if !c.t.Has(d.Path) {
		return fmt.Sprintf("there is no %.100s", d.Path)
	}
	return ""
}

// dockerfile returns the Dockerfile that a service names.
func (c *compose) dockerfile(name string) Dockerfile {
	build := c.Project.Services[name].Build
	context := path.Join(c.Dir, build.Context)
	dockerfile := build.Dockerfile
	if dockerfile == "" {
		dockerfile = "Dockerfile"
		if plain := (files.Dir{Tree: c.t, Path: context}); !plain.Has(dockerfile) && plain.Has("Containerfile") {
			dockerfile = "Containerfile"
		}
	}
	return Dockerfile{Path: path.Join(context, dockerfile), Context: context}
}

// stayForOthers looks at what other services need of this one.
func (c *compose) stayForOthers(name string) string {
	from := c.Project.Services[name]
	for _, dependency := range from.DependsOn {
		if dependency.Condition == "service_completed_successfully" {
			return "it waits until another service has succeeded"
		}
	}
	if (from.Restart == "no" || strings.HasPrefix(from.Restart, "on-failure")) && len(from.Ports)+len(from.Expose) == 0 {
		return "it ends by itself (restart: " + from.Restart + ")"
	}
	for _, other := range slices.Sorted(maps.Keys(c.Project.Services)) {
		one := c.Project.Services[other]
		if dependency, is := one.DependsOn[name]; is && dependency.Condition == "service_completed_successfully" {
			return other + " waits until it has succeeded"
		}
		if other != name && from.Build != nil && from.Image != "" && one.Image == from.Image && one.Build == nil {
			return other + " runs the image that it builds"
		}
	}
	return ""
}

// stayForVolumes looks at mounts.
func (c *compose) stayForVolumes(name string) string {
	from := c.Project.Services[name]
	targets := map[string]bool{}
	for _, mount := range from.Volumes {
		switch {
		case mount.Type == "volume" && mount.Source == "":
		case mount.Type == "bind" && c.isSource(name, mount.Source):
		case mount.Type != "volume":
			return "it mounts " + mount.Source
		case mount.ReadOnly || mount.Volume != nil && mount.Volume.Subpath != "" || targets[mount.Source]:
			return "it mounts the volume " + mount.Source + " in a way that slipway.yaml has no words for"
		case c.isShared(name, mount.Source):
			return "it shares the volume " + mount.Source
		}
		targets[mount.Source] = true
	}
	return ""
}

// isSource reports whether a directory of the repository that a service mounts
// is source code that its image has.
func (c *compose) isSource(name, mounted string) bool {
	if c.Project.Services[name].Build == nil {
		return false
	}
	dir, d := path.Join(c.Dir, mounted), c.dockerfile(name)
	if !c.t.HasDirectory(dir) && !c.t.Has(dir) {
		return strings.Contains(mounted, "node_modules")
	}
	for _, l := range instructions(c.t.Text(d.Path)) {
		if l.name != "COPY" && l.name != "ADD" {
			continue
		}
		for _, one := range copied(l.text) {
			if at := path.Join(d.Context, strings.TrimSuffix(one, "*")); tree.Inside(at, dir) || tree.Inside(dir, at) {
				return true
			}
		}
	}
	return false
}

func (c *compose) isShared(name, volume string) bool {
	for other, one := range c.Project.Services {
		for _, mount := range one.Volumes {
			if other != name && mount.Type == "volume" && mount.Source == volume {
				return true
			}
		}
	}
	return c.Project.Volumes[volume].Driver != "" || bool(c.Project.Volumes[volume].External) || len(c.Project.Volumes[volume].DriverOpts) > 0
}

// stayForNames looks at further names that others may call it by.
func (c *compose) stayForNames(name string) string {
	from := c.Project.Services[name]
	further := []string{from.ContainerName, from.Hostname}
	for _, network := range from.Networks {
		if network != nil {
			further = append(further, network.Aliases...)
		}
	}
	for _, other := range slices.Sorted(maps.Keys(c.Project.Services)) {
		one := c.Project.Services[other]
		for _, link := range one.Links {
			if target, alias, is := strings.Cut(link, ":"); is && target == name && alias != name {
				return other + " calls it " + alias
			}
		}
		for _, called := range further {
			if called != "" && called != name && other != name && c.mentions(other, called) {
				return other + " calls it " + called
			}
		}
	}
	user, group, _ := strings.Cut(from.User, ":")
	if group != "" && group != user {
		return "it has a group of its own (user: " + from.User + ")"
	}
	return ""
}

// mentions reports whether a service's environment or command has a name.
func (c *compose) mentions(name, called string) bool {
	word := regexp.MustCompile(`(^|[^A-Za-z0-9_.-])` + regexp.QuoteMeta(called) + `($|[^A-Za-z0-9_.-])`)
	from := c.Project.Services[name]
	texts := slices.Concat([]string(from.Command), []string(from.Entrypoint))
	for _, value := range from.Environment {
		if value != nil {
			texts = append(texts, *value)
		}
	}
	return slices.ContainsFunc(texts, word.MatchString)
}

// native makes a service of slipway.yaml.
func (c *compose) native(name string) found.Service {
	from := c.Project.Services[name]
	s := found.Service{Name: name, Why: strings.Join(c.set.Files, ", ") + ", services." + name}
	s.Spec.Image, s.Spec.Command, s.Spec.Args = from.Image, []string(from.Entrypoint), []string(from.Command)
	if from.Build != nil {
		s.Spec.Image = ""
		c.build(name, &s)
	}
	c.ports(name, &s)
	c.environment(name, &s)
	c.runtime(name, &s)
	for _, mount := range from.Volumes {
		if mount.Type == "volume" && mount.Source != "" {
			s.Spec.Volumes = append(s.Spec.Volumes, project.Volume{Name: volumeName(mount.Source), Path: path.Clean(mount.Target), Size: c.size(mount.Source)})
			continue
		}
		c.leave("services."+name+".volumes", c.At("services", name, "volumes"), "the mount at "+mount.Target+" is for a developer's machine: the image has what is there")
	}
	known, keys := carried(), c.model[name].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if reason := known[key]; reason != "" && keys[key] != nil {
			c.leave("services."+name+"."+key, c.At("services", name, key), reason)
		}
	}
	if from.Build != nil {
		unpublished := s.Spec.Port == 0
		Describe(c.t, c.dockerfile(name), from.Build.Target, &s)
		if unpublished && s.Spec.Port != 0 && len(from.Command)+len(from.Entrypoint) > 0 {
			c.otherCommand(name, &s)
		}
		if unpublished && s.Spec.Port != 0 {
			s.Spec.Routes = nil
			s.Hint("%s: services.%s publishes no port, so it has no routes: add routes: [{path: /}] if people open it", c.set.Files[0], name)
		}
	}
	return s
}

// background finds the names of services that nobody connects to.
var background = regexp.MustCompile(`(?i)worker|beat|celery|sched|cron|consumer|queue|sidekiq|job|runner|indexer|mailer|bot`)

// otherCommand looks at a port that only the Dockerfile names, while the service
// runs another command: one that works in the background does not listen.
func (c *compose) otherCommand(name string, s *found.Service) {
	if background.MatchString(name) {
		s.Hint("%s: services.%s runs a command of its own, so port %d of its Dockerfile is left out: add port if it listens", c.set.Files[0], name, s.Spec.Port)
		s.Spec.Port, s.Spec.Routes = 0, nil
		return
	}
	s.Hint("%s: services.%s runs a command of its own, and port %d is its Dockerfile's: remove port if it doesn't listen", c.set.Files[0], name, s.Spec.Port)
}

var notInVolumeName = regexp.MustCompile(`[^a-z0-9]+`)

func volumeName(text string) string {
	name := strings.Trim(notInVolumeName.ReplaceAllString(strings.ToLower(text), "-"), "-")
	if name == "" || name[0] < 'a' {
		name = "v-" + name
	}
	return strings.Trim(name[:min(len(name), 40)], "-")
}

// size is what x-slipway of a volume says.
func (c *compose) size(volume string) string {
	own, _ := c.Project.Volumes[volume].Extensions["x-slipway"].(map[string]any)
	if size, is := own["size"].(string); is {
		return size
	}
	return "1Gi"
}

// runtime takes over whom it runs as, how many there are, and how it is checked.
func (c *compose) runtime(name string, s *found.Service) {
	from := c.Project.Services[name]
	security := project.Security{}
	if from.ReadOnly {
		writable := false
		security.WritableRoot = &writable
	}
	for _, capability := range from.CapAdd {
		security.Capabilities = append(security.Capabilities, strings.TrimPrefix(strings.ToUpper(capability), "CAP_"))
	}
	user, _, _ := strings.Cut(from.User, ":")
	number, err := strconv.ParseInt(user, 10, 31)
	switch {
	case user == "":
	case user == "root" || user == "0":
		security.RunAsRoot = true
	case err == nil:
		security.RunAsUser = &number
	default:
		c.leave("services."+name+".user", c.At("services", name, "user"), "it is a name, and Kubernetes needs its number: write security.runAsUser")
	}
	if security.RunAsRoot || security.RunAsUser != nil || security.WritableRoot != nil || len(security.Capabilities) > 0 {
		s.Spec.Security = &security
	}
	c.amounts(name, s)
	c.health(name, s)
}
