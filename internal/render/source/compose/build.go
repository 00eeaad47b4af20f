package compose

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source/compose/file"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// build is what a service's image is built from.
type build struct {
	project.Build
	// copied are the paths, from the context, that the Dockerfile copies.
	copied []string
	// exposed are the ports that the Dockerfile says the image listens on.
	exposed []int32
}

// copies reports whether an image that is built has a directory of the commit.
func (b build) copies(dir string) bool {
	return slices.ContainsFunc(b.copied, func(source string) bool {
		name := path.Join(b.Context, source)
		return tree.Inside(name, dir) || tree.Inside(dir, name)
	})
}

// build finds out what a service is built from: itself, or another one whose
// image it uses.
func (e *expansion) build(name string) error {
	from := e.Project.Services[name]
	if from.Build != nil {
		return e.buildOf(name, name)
	}
	for _, other := range slices.Sorted(maps.Keys(e.Project.Services)) {
		if one := e.Project.Services[other]; one.Build != nil && one.Image != "" && one.Image == from.Image {
			return e.buildOf(name, other)
		}
	}
	return nil
}

func (e *expansion) buildOf(name, builder string) error {
	from := e.Project.Services[builder].Build
	at := e.key(builder, "build")
	context, err := tree.Resolve(e.key(builder, "build", "context"), e.Dir, orDot(from.Context))
	if err != nil {
		return e.RefuseAs(e.key(builder, "build", "context"), err)
	}
	made := build{Build: project.Build{Context: context, Dockerfile: path.Clean(from.Dockerfile), Target: from.Target}}
	if from.Dockerfile == "" {
		made.Dockerfile = "Dockerfile"
	}
	for _, arg := range slices.Sorted(maps.Keys(from.Args)) {
		value := from.Args[arg]
		if given, known := e.Variables[arg]; value == nil && known {
			value = &given
		}
		if value == nil {
			e.Warn(e.key(builder, "build", "args", arg), "%s has no value, so the Dockerfile's own counts; give it one in compose.variables of slipway.yaml", arg)
			continue
		}
		if made.Args == nil {
			made.Args = map[string]string{}
		}
		made.Args[arg] = *value
	}
	e.builds[name] = made
	if from.DockerfileInline != "" {
		return nil // refused already
	}
	return e.readDockerfile(name, at, made)
}

func orDot(text string) string {
	if text == "" {
		return "."
	}
	return text
}

// readDockerfile finds what matters here of a Dockerfile.
func (e *expansion) readDockerfile(name string, at tree.Place, made build) error {
	dockerfile := path.Join(made.Context, made.Dockerfile)
	if path.IsAbs(made.Dockerfile) || !tree.Inside(made.Context, dockerfile) {
		e.Refuse(at, "the Dockerfile %s is outside of the context; move it inside", tree.Quote(made.Dockerfile))
		return nil
	}
	kind, err := e.commit.Look(at, dockerfile)
	if err != nil {
		return e.RefuseAs(at, err)
	}
	if kind != file.RegularFile {
		e.Refuse(at, "%s is not in this commit; commit it, or correct build.context and build.dockerfile", tree.Quote(dockerfile))
		return nil
	}
	data, err := e.commit.File(at, dockerfile)
	if err != nil {
		return e.RefuseAs(at, err)
	}
	text := continued.ReplaceAllString(string(data), " ")
	for _, found := range copying.FindAllStringSubmatch(text, 1000) {
		made.copied = append(made.copied, copySources(found[1])...)
	}
	for _, found := range exposing.FindAllStringSubmatch(text, 100) {
		for _, word := range strings.Fields(found[1]) {
			if port, err := strconv.ParseUint(strings.TrimSuffix(word, "/tcp"), 10, 16); err == nil && port > 0 {
				made.exposed = append(made.exposed, int32(port))
			}
		}
	}
	e.builds[name] = made
	return nil
}

var (
	continued = regexp.MustCompile(`\\[ \t]*\r?\n`)
	copying   = regexp.MustCompile(`(?mi)^[ \t]*(?:COPY|ADD)[ \t]+(.+)$`)
	exposing  = regexp.MustCompile(`(?mi)^[ \t]*EXPOSE[ \t]+(.+)$`)
)

// copySources returns what one COPY copies of the context.
func copySources(arguments string) []string {
	words := strings.FieldsFunc(arguments, func(c rune) bool { return strings.ContainsRune(" \t\r,[]\"'", c) })
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		if strings.HasPrefix(words[0], "--from") {
			return nil
		}
		words = words[1:]
	}
	if len(words) < 2 {
		return nil
	}
	var sources []string
	for _, word := range words[:len(words)-1] {
		if beforePattern, _, pattern := strings.Cut(word, "*"); pattern {
			word = path.Dir(beforePattern + "x")
		}
		sources = append(sources, path.Clean(strings.TrimLeft(word, "/")))
	}
	return sources
}
