package source

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

var (
	// dockerfileName matches the names of Dockerfiles; the groups are what it is
	// called besides.
	dockerfileName = regexp.MustCompile(`^(?:Dockerfile|Containerfile)(?:[.-]([\w.-]+))?$|^([\w.-]+)\.(?:[Dd]ockerfile|[Cc]ontainerfile)$`)
	// continuation joins lines.
	continuation = regexp.MustCompile(`\\[ \t]*\r?\n(?:[ \t]*#[^\n]*\n)*`)
	// instruction is a line of a Dockerfile.
	instruction = regexp.MustCompile(`(?m)^[ \t]*([A-Za-z]+)[ \t]+([^\n]*)$`)
	// reference finds variables.
	reference = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}?`)
)

// maxDockerfiles is how many Dockerfiles are looked at.
const maxDockerfiles = 300

// Dockerfile is one that was found.
type Dockerfile struct {
	Path string
	// Called is what its name says besides, like web of Dockerfile.web.
	Called string
	// Context is the directory that its sources are copied from.
	Context string
	// Purpose is the word that says that it is for development or tests.
	Purpose string
}

// IsPart reports whether a Dockerfile is called after a part of an application,
// and not after a variant of its image.
func (d Dockerfile) IsPart() bool {
	return part.MatchString(d.Called)
}

// part is what parts of an application are called.
var part = regexp.MustCompile(`(?i)^(web|api|app|server|backend|frontend|front|client|admin|worker|workers|scheduler|cron|job|jobs|queue|consumer|producer|migrate|migrations?|nginx|proxy|gateway|bot|celery|beat|sidekiq|www|site|ui|dashboard|auth|db|database|rails|django|node|php|next)$`)

// Dockerfiles returns those of a repository, the ones nearest to the top
// first.
func Dockerfiles(t *files.Tree) []Dockerfile {
	var all []Dockerfile
	for _, dir := range t.Directories() {
		for _, name := range t.Names(dir) {
			match := dockerfileName.FindStringSubmatch(name)
			if match == nil || strings.HasSuffix(name, ".dockerignore") || len(all) == maxDockerfiles {
				continue
			}
			d := Dockerfile{Path: path.Join(dir, name), Called: match[1] + match[2]}
			if strings.EqualFold(d.Called, "dockerignore") || strings.HasSuffix(d.Called, "j2") || strings.HasSuffix(d.Called, "tmpl") || strings.HasSuffix(d.Called, "template") {
				continue
			}
			d.Context, d.Purpose = contextOf(t, d.Path), Purpose(d.Path)
			all = append(all, d)
		}
	}
	return all
}

// contextOf returns the nearest directory, upwards, that has all that a
// Dockerfile copies by name.
func contextOf(t *files.Tree, name string) string {
	text := t.Text(name)
	var sources []string
	everything := false
	for _, line := range instructions(text) {
		if line.name == "COPY" || line.name == "ADD" {
			for _, source := range copied(line.text) {
				everything = everything || source == "."
				sources = append(sources, source)
			}
		}
	}
	own := path.Dir(name)
	start := own
	for (everything || len(sources) == 0) && start != "." && ForImages(path.Base(start)) {
		start = path.Dir(start)
	}
	if everything && (strings.Contains(text, "turbo ") || strings.Contains(text, "pnpm-workspace") || strings.Contains(text, "pnpm --filter") || strings.Contains(text, "--workspace=")) {
		return "."
	}
	for dir := start; ; dir = path.Dir(dir) {
		if !slices.ContainsFunc(sources, func(source string) bool { return missing(t, path.Join(dir, source)) }) {
			return dir
		}
		if dir == "." {
			return own
		}
	}
}

// ForImages reports whether a directory is one of those that hold nothing but
// what images are made from.
func ForImages(dir string) bool {
	for part := range strings.SplitSeq(dir, "/") {
		if !slices.Contains([]string{
			"docker", "build", "deploy", "deployment", "container", "containers", "ops", "infra", "package", "images", "dockerfiles", "production", "prod",
			"packaging", "alpine", "distroless", "debian", "ubuntu", "slim",
		}, part) {
			return false
		}
	}
	return true
}

// missing reports whether nothing is at a path that names one file or
// directory.
func missing(t *files.Tree, name string) bool {
	return !strings.ContainsAny(name, "*?[$") && !t.Has(name) && !t.HasDirectory(name)
}

// copied returns what one COPY copies of the context.
func copied(arguments string) []string {
	fields := strings.FieldsFunc(arguments, func(c rune) bool { return strings.ContainsRune(" \t\r,[]\"'", c) })
	for len(fields) > 0 && strings.HasPrefix(fields[0], "--") {
		if strings.HasPrefix(fields[0], "--from") {
			return nil
		}
		fields = fields[1:]
	}
	if len(fields) < 2 {
		return nil
	}
	var sources []string
	for _, field := range fields[:len(fields)-1] {
		if strings.Contains(field, "://") || strings.HasPrefix(field, "<<") || strings.HasPrefix(field, "$") {
			continue
		}
		sources = append(sources, path.Clean(strings.TrimLeft(field, "/")))
	}
	return sources
}

// line is an instruction.
type line struct{ name, text string }

// instructions returns those of a Dockerfile, each on one line.
func instructions(text string) []line {
	var all []line
	for _, match := range instruction.FindAllStringSubmatch(continuation.ReplaceAllString(text, " "), 2000) {
		all = append(all, line{strings.ToUpper(match[1]), strings.TrimSpace(match[2])})
	}
	return all
}

// image is what a Dockerfile says of the image that it makes.
type image struct {
	user, health string
	exposes      []string
	inherited    []string // exposed by the stages that it starts from
	volumes      []string
	values       map[string]string
	starts       string
}

// read returns what the last stage, or the target, says, with the stages that
// it starts from.
func read(text, target string) image {
	stages := map[string]image{}
	current, name := image{values: map[string]string{}}, ""
	for _, l := range instructions(text) {
		if l.name == "FROM" {
			stages[name] = current
			if target != "" && name == target {
				return current
			}
			fields := strings.Fields(l.text)
			fields = slices.DeleteFunc(fields, func(f string) bool { return strings.HasPrefix(f, "--") })
			base, called := "", ""
			if len(fields) > 0 {
				base = strings.ToLower(fields[0])
			}
			if len(fields) > 2 && strings.EqualFold(fields[1], "AS") {
				called = strings.ToLower(fields[2])
			}
			from, known := stages[base]
			if !known || base == "" {
				from = image{values: stages[""].values}
			}
			current, name = from.copy(), called
			continue
		}
		current.take(l)
	}
	return current
}

// copy returns an image that shares nothing.
func (i image) copy() image {
	values := map[string]string{}
	for name, value := range i.values {
		values[name] = value
	}
	i.inherited, i.exposes = slices.Concat(i.exposes, i.inherited), nil
	i.values, i.volumes = values, slices.Clone(i.volumes)
	return i
}

// take lets an instruction change the image.
func (i *image) take(l line) {
	switch l.name {
	case "USER":
		i.user = i.expand(l.text)
	case "EXPOSE":
		for _, word := range strings.Fields(l.text) {
			i.exposes = append(i.exposes, i.expand(word))
		}
	case "VOLUME":
		i.volumes = append(i.volumes, strings.FieldsFunc(i.expand(l.text), func(c rune) bool { return strings.ContainsRune(" ,[]\"'\t", c) })...)
	case "HEALTHCHECK":
		i.health = l.text
	case "ARG", "ENV":
		for _, pair := range strings.Fields(l.text) {
			if name, value, given := strings.Cut(pair, "="); given {
				i.values[name] = strings.Trim(i.expand(value), `"'`)
			}
		}
		if fields := strings.Fields(l.text); l.name == "ENV" && len(fields) == 2 && !strings.Contains(fields[0], "=") {
			i.values[fields[0]] = i.expand(fields[1])
		}
	case "CMD", "ENTRYPOINT":
		i.starts = l.text
	}
}

// expand replaces the variables that have a value.
func (i image) expand(text string) string {
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		match := reference.FindStringSubmatch(found)
		if value, known := i.values[match[1]]; known {
			return value
		}
		if match[2] != "" {
			return match[2]
		}
		return found
	})
}

// port returns the first port that the image exposes, and whether it exposes
// anything.
func (i image) port() (port int32, exposes bool) {
	for _, word := range slices.Concat(i.exposes, i.inherited) {
		number, protocol, _ := strings.Cut(word, "/")
		number, _, _ = strings.Cut(number, "-")
		if n, err := strconv.ParseUint(number, 10, 16); err == nil && n > 0 && !strings.EqualFold(protocol, "udp") {
			return int32(n), true
		}
	}
	return 0, len(i.exposes)+len(i.inherited) > 0
}

// develops finds commands for a developer's machine.
var develops = regexp.MustCompile(`runserver|(npm run|yarn|pnpm|npm|"run",) "?dev\b|"dev"|nodemon|ng serve|--reload\b|vite --host|next dev|flask .*--debug|yarn:build|webpack serve`)

// Describe fills in what a Dockerfile says of the service that it is built for.
func Describe(t *files.Tree, d Dockerfile, target string, service *found.Service) {
	i := read(t.Text(d.Path), strings.ToLower(target))
	port, exposes := i.port()
	fromEnv, err := strconv.ParseUint(i.values["PORT"], 10, 16)
	switch {
	case service.Spec.Port != 0:
	case port != 0:
		service.Listen(port)
	case err == nil && fromEnv > 0:
		service.Listen(int32(fromEnv))
	case exposes:
		service.Hint("%s: its EXPOSE (%.60s) names no port that is known: add port and routes to slipway.yaml", d.Path, strings.Join(i.exposes, " "))
	default:
		service.Hint("%s: it has no EXPOSE: if the service listens, add port and routes to slipway.yaml", d.Path)
	}
	describeUser(d, i, service)
	for _, volume := range i.volumes {
		if !slices.ContainsFunc(service.Spec.Volumes, func(v project.Volume) bool { return v.Path == volume }) {
			service.Hint("%s: what is written to %.80s (VOLUME) is lost with each pod: add volumes: [{path: %.80s, size: 1Gi}] if it must stay", d.Path, volume, volume)
		}
	}
	if command := healthCommand(i.health); command != nil && service.Spec.Health == nil {
		service.Spec.Health = &project.Health{Command: command}
		service.Hint("%s: its HEALTHCHECK is health.command, without its times", d.Path)
	}
	if starts := strings.Join(slices.Concat(service.Spec.Command, service.Spec.Args), " "); starts != "" {
		i.starts = starts
	}
	if develops.MatchString(i.starts) {
		service.Hint("%s: it starts a development server (%.80s): give it a target, or command, for production", d.Path, i.starts)
	}
	if word := Purpose(target); word != "" {
		service.Hint("%s: the target %.60s is for development by its name: choose another build.target for production", d.Path, target)
	}
}

// describeUser takes the user over where it is a number, and says what becomes
// of others.
func describeUser(d Dockerfile, i image, service *found.Service) {
	user, _, _ := strings.Cut(i.user, ":")
	number, err := strconv.ParseInt(user, 10, 32)
	given := service.Spec.Security != nil && (service.Spec.Security.RunAsUser != nil || service.Spec.Security.RunAsRoot)
	switch {
	case given:
	case err == nil && number > 0:
		if service.Spec.Security == nil {
			service.Spec.Security = &project.Security{}
		}
		service.Spec.Security.RunAsUser = &number
	case user == "" || user == "root" || user == "0":
		service.Hint("%s: it ends as its base image's user, often root: that is so in the pod, too, but where the cluster's policy is restricted it runs as 65532 on a read-only root; write USER with a number", d.Path)
	default:
		service.Hint("%s: it ends as a user by name (%.40s): where the cluster's policy is restricted it runs as 65532 on a read-only root; write USER with a number", d.Path, user)
	}
}

// healthCommand returns the command of a HEALTHCHECK, nil when it has none.
func healthCommand(text string) []string {
	_, command, given := strings.Cut(" "+text, " CMD ")
	if command = strings.TrimSpace(command); !given || command == "" {
		return nil
	}
	if strings.HasPrefix(command, "[") {
		var all []string
		for _, part := range regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`).FindAllStringSubmatch(command, 100) {
			if unquoted, err := strconv.Unquote(`"` + part[1] + `"`); err == nil {
				all = append(all, unquoted)
			}
		}
		return all
	}
	return []string{"/bin/sh", "-c", command}
}

// Service returns the service that a Dockerfile builds.
func (d Dockerfile) Service(t *files.Tree) found.Service {
	service := found.Service{Why: d.Path, Spec: project.Service{Build: &project.Build{Context: d.Context}}}
	below := d.Path
	if d.Context != "." {
		below = strings.TrimPrefix(d.Path, d.Context+"/")
	}
	if below != "Dockerfile" {
		service.Spec.Build.Dockerfile = below
	}
	Describe(t, d, "", &service)
	return service
}
