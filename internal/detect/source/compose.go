package source

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/source/compose/file"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Composed is what was made of a set of Compose files.
type Composed struct {
	// Native are services that are built, in the words of slipway.yaml.
	Native []found.Service
	// Rest are those that stay in the files, nil when there are none.
	Rest *found.Service
	// Left is what was left out.
	Left []found.Left
	// Images are those that are named and not built.
	Images []string
	// Builds are the Dockerfiles that the files name.
	Builds []string
}

// compose is a set of Compose files while it is looked at.
type compose struct {
	*file.Compose
	t     *files.Tree
	set   ComposeSet
	spec  project.Compose
	made  Composed
	model map[string]any // of the services
	kept  []string       // services that stay in the files, with the reason
}

// Compose makes services of Compose files. Those that are built, and that say
// nothing that slipway.yaml has no words for, are services of their own; the
// others stay in the files. All makes services of those with an image, too.
// When the files can't be understood, their problems are all that is left.
func Compose(ctx context.Context, t *files.Tree, set ComposeSet, all bool) (Composed, error) {
	c := &compose{t: t, set: set, spec: composeSpec(set.Files)}
	c.variables()
	problems, err := c.read(ctx)
	if err != nil || problems != nil {
		return Composed{Left: problems}, err
	}
	services, _ := c.Model["services"].(map[string]any)
	c.model = services
	taken := c.taken()
	var stay []string
	for _, name := range taken {
		from := c.Project.Services[name]
		if from.Build != nil {
			c.made.Builds = append(c.made.Builds, c.dockerfile(name).Path)
		} else {
			c.made.Images = append(c.made.Images, from.Image)
		}
		if reason := c.mustStay(name, all); reason != "" {
			stay = append(stay, name)
			if from.Build != nil || all {
				c.kept = append(c.kept, name+" ("+reason+")")
			}
			continue
		}
		c.made.Native = append(c.made.Native, c.native(name))
	}
	if len(stay) > 0 {
		c.rest(stay, len(stay) == len(taken) && len(c.spec.Profiles) == 0 && !c.profiled())
	}
	return c.made, nil
}

func composeSpec(names []string) project.Compose {
	if len(names) == 1 {
		return project.Compose{File: names[0]}
	}
	return project.Compose{Files: names}
}

// read reads the files as rendering does. What is wrong with them is returned
// as what is left.
func (c *compose) read(ctx context.Context) ([]found.Left, error) {
	limits := tree.DefaultLimits()
	service := source.Service{Name: "compose", Spec: project.Service{Compose: &c.spec}, Limits: limits}
	read, err := file.Read(ctx, service, file.NewReading(ctx, tree.NewReader(c.t.Source(), limits)))
	if err == nil && read.Project == nil {
		err = read.Err()
	}
	if err != nil {
		if fault.CodeOf(err) != fault.Invalid {
			return nil, fmt.Errorf("read %s: %w", strings.Join(c.set.Files, ", "), err)
		}
		return LeftOf(fault.MessageOf(err)), nil
	}
	c.Compose = read
	return nil, nil
}

// ComposeServices returns the names of the services that Compose files give
// when none are chosen.
func ComposeServices(ctx context.Context, fsys fs.FS, spec project.Compose) ([]string, error) {
	limits := tree.DefaultLimits()
	read, err := file.Read(ctx, source.Service{Name: "compose", Spec: project.Service{Compose: &spec}, Limits: limits}, file.NewReading(ctx, tree.NewReader(tree.FromFS(fsys), limits)))
	if err == nil && read.Project == nil {
		err = read.Err()
	}
	if err != nil {
		return nil, err
	}
	c := compose{Compose: read, spec: spec}
	return c.taken(), nil
}

// Mounting returns the services of Compose files that mount a top-level volume.
func Mounting(ctx context.Context, fsys fs.FS, spec project.Compose, volume string) []string {
	limits := tree.DefaultLimits()
	read, err := file.Read(ctx, source.Service{Name: "compose", Spec: project.Service{Compose: &spec}, Limits: limits}, file.NewReading(ctx, tree.NewReader(tree.FromFS(fsys), limits)))
	if err != nil || read.Project == nil {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(read.Project.Services)) {
		for _, mount := range read.Project.Services[name].Volumes {
			if mount.Type == "volume" && mount.Source == volume && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// LeftOf makes what is left of the lines of a message, which begin with a
// place.
func LeftOf(message string) []found.Left {
	var all []found.Left
	for text := range strings.SplitSeq(message, "\n") {
		if match := placed.FindStringSubmatch(text); match != nil {
			all = append(all, found.Left{Where: match[1], Reason: match[2]})
			continue
		}
		all = append(all, found.Left{Reason: text})
	}
	return all
}

// placed takes a line of a message apart: FILE:LINE: KEY, and the reason.
var placed = regexp.MustCompile(`^([^\s:]+(?::\d+)?(?:: [A-Za-z_$][^\s:]*)?): (.+)$`)

// unset finds variables without a default.
var unset = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?:\}|:?\?)|([A-Za-z_][A-Za-z0-9_]*))`)

// placeholder finds values of examples that stand for one to be given.
var placeholder = regexp.MustCompile(`(?i)^$|^null$|change.?me|^<.*>$|^your[-_ ]|^xxx|^todo$|example\.(com|org)`)

// variables gives those variables a value that the files need and that a
// committed example has, unless they sound secret.
func (c *compose) variables() {
	dir := files.Dir{Tree: c.t, Path: path.Dir(c.set.Files[0])}
	committed := variablesOf(dir.Text(".env"))
	name := dir.First(".env.example", "env.example", ".env.sample", ".env.dist", ".env.template", "sample.env", "example.env", "default.env")
	example := variablesOf(dir.Text(name))
	needed := map[string]bool{}
	for _, one := range c.set.Files {
		for _, match := range unset.FindAllStringSubmatch(c.t.Text(one), 2000) {
			needed[match[1]+match[2]] = true
		}
	}
	for variable, value := range example {
		_, has := committed[variable]
		if has || !needed[variable] || strings.Contains(value, "$") || placeholder.MatchString(value) {
			continue
		}
		if found.IsSecret(variable, value) {
			c.made.Left = append(c.made.Left, found.Left{Where: dir.Join(name) + ": " + variable, Reason: "its name says that it is secret, so it is not copied: where the Compose files must have it, write a default (${" + variable + ":-…}) or take it from a Secret"})
			continue
		}
		if c.spec.Variables == nil {
			c.spec.Variables = map[string]string{}
		}
		c.spec.Variables[variable] = value
	}
	if profiles := example["COMPOSE_PROFILES"]; profiles != "" && committed["COMPOSE_PROFILES"] == "" {
		c.spec.Profiles = strings.FieldsFunc(profiles, func(r rune) bool { return r == ',' || r == ' ' })
	}
	slices.SortFunc(c.made.Left, func(a, b found.Left) int { return strings.Compare(a.Where, b.Where) })
}

// variablesOf reads a file of variables.
func variablesOf(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, is := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); !is || !found.IsVariable(name) {
			continue
		}
		value = strings.TrimSpace(value)
		if quote := strings.IndexAny(value, `"'`); quote != 0 {
			value, _, _ = strings.Cut(value, " #")
		}
		all[name] = strings.Trim(strings.TrimSpace(value), `"'`)
	}
	return all
}

// taken returns the services that are taken, sorted: those without profiles,
// and those of the profiles that are wanted.
func (c *compose) taken() []string {
	var names []string
	wanted := c.spec.Profiles
	if len(wanted) == 0 {
		wanted = strings.FieldsFunc(c.Variables["COMPOSE_PROFILES"], func(r rune) bool { return r == ',' || r == ' ' })
	}
	for _, name := range slices.Sorted(maps.Keys(c.Project.Services)) {
		profiles := c.Project.Services[name].Profiles
		if len(profiles) == 0 || slices.ContainsFunc(profiles, func(p string) bool { return slices.Contains(wanted, p) }) {
			names = append(names, name)
			continue
		}
		c.leave("services."+name, c.At("services", name), "it has the profile "+strings.Join(profiles, ", ")+", so it is not always run: name it in compose.services, or the profile in compose.profiles, if it is to run")
	}
	return names
}

// profiled reports whether any service has profiles.
func (c *compose) profiled() bool {
	for _, one := range c.Project.Services {
		if len(one.Profiles) > 0 {
			return true
		}
	}
	return false
}

func (c *compose) leave(field string, at tree.Place, reason string) {
	at.Field = field
	c.made.Left = append(c.made.Left, found.Left{Where: at.String(), Reason: reason})
}

// rest is the service of slipway.yaml that takes the others from the files,
// with the routes of those that publish a port in a file of its own.
func (c *compose) rest(stay []string, everything bool) {
	service := found.Service{Name: "compose", Why: strings.Join(c.set.Files, ", "), Spec: project.Service{Compose: &project.Compose{}}}
	*service.Spec.Compose = c.spec
	if !everything {
		service.Spec.Compose.Services = stay
	}
	if len(c.spec.Variables) > 0 {
		service.Hint("the values of %s in compose.variables are those of the example beside %s: set them to yours", strings.Join(slices.Sorted(maps.Keys(c.spec.Variables)), ", "), c.set.Files[0])
	}
	if len(c.kept) > 0 {
		service.Hint("%s: these services stay in it, because slipway.yaml has no words for all that it says of them: %s", c.set.Files[0], strings.Join(c.kept, ", "))
	}
	for _, name := range stay {
		if image := c.Project.Services[name].Image; c.Project.Services[name].Build == nil && isLocal(image) {
			service.Hint("%s: services.%s runs the image %.80q, which names no registry and no version: if it is built on a developer's machine, give the service build instead", c.set.Files[0], name, image)
		}
	}
	if web := c.opened(stay); web != "" {
		c.route(&service, web)
	}
	c.made.Rest = &service
}

// opened returns the service that people are meant to open: the only one
// that publishes a port of the web, or the one of them that is called so.
func (c *compose) opened(stay []string) string {
	var candidates []string
	for _, name := range stay {
		from := c.Project.Services[name]
		if _, routed := from.Extensions["x-slipway"]; routed {
			return ""
		}
		for _, port := range from.Ports {
			if slices.Contains([]uint32{80, 8080, 3000, 8000, 5000, 9000, 8888, 8081, 4000, 3001, 8443, 443}, port.Target) && port.Protocol != "udp" && !isDatabase(from.Image) {
				candidates = append(candidates, name)
				break
			}
		}
	}
	for _, called := range []string{"web", "frontend", "app", "nginx", "proxy"} {
		if slices.Contains(candidates, called) {
			return called
		}
	}
	if len(candidates) == 0 || len(c.made.Native) > 0 && slices.ContainsFunc(c.made.Native, func(s found.Service) bool { return len(s.Spec.Routes) > 0 }) {
		return ""
	}
	return candidates[0]
}

// isLocal reports whether an image seems to be one that only a developer's
// machine has.
func isLocal(image string) bool {
	return !strings.ContainsAny(image, "/:@") && !isDatabase(image) && !slices.Contains([]string{
		"nginx", "httpd", "caddy", "traefik", "haproxy", "busybox", "alpine", "debian", "ubuntu", "node", "python", "golang", "ruby", "php", "wordpress", "ghost", "drupal", "joomla", "nextcloud",
		"registry", "couchdb", "cassandra", "influxdb", "neo4j", "solr", "nats", "consul", "vault", "telegraf", "kibana", "logstash", "sonarqube", "rocket.chat", "matomo", "odoo", "tomcat", "jetty",
	}, image)
}

// isDatabase reports whether an image is one that people don't open.
func isDatabase(image string) bool {
	name := path.Base(strings.SplitN(strings.SplitN(image, "@", 2)[0], ":", 2)[0])
	for _, word := range []string{"postgres", "mysql", "mariadb", "mongo", "redis", "valkey", "rabbitmq", "memcached", "elasticsearch", "opensearch", "clickhouse", "minio", "adminer", "pgadmin", "phpmyadmin", "mailhog", "mailpit", "kafka", "zookeeper"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// route writes a Compose file that adds the route of a service.
func (c *compose) route(service *found.Service, web string) {
	name := path.Join(path.Dir(c.set.Files[0]), "compose.slipway.yaml")
	if c.t.Has(name) {
		return
	}
	service.Write(name, []byte("# What Compose has no key for: the path that a service is reached at.\nservices:\n  "+web+": {x-slipway: {routes: [{path: /}]}}\n"))
	spec := service.Spec.Compose
	spec.Files, spec.File = append(slices.Clone(c.set.Files), name), ""
	service.Hint("%s is reached at /: change %s if another service is to be", web, name)
}
