package language

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/templates"
)

// Language recognises programs.
type Language struct {
	Name string
	// Markers are the files, or patterns of names, by which a directory may hold a
	// program of the language.
	Markers []string
	// recognise describes the program in a directory, or returns errNone.
	recognise func(d files.Dir, service *found.Service) error
	// shell says that the image runs the commands of a Procfile as they are.
	shell bool
}

// All returns the languages in the order in which a directory is tried: the
// first one that recognises it has it. Frameworks whose projects hold a
// package.json for their pages come before Node.js.
func All() []Language {
	return []Language{
		{"Go", []string{"go.mod"}, golang, false},
		{"Java", []string{"pom.xml", "build.gradle", "build.gradle.kts"}, java, false},
		{".NET", []string{"*.csproj", "*.fsproj", "*.vbproj"}, dotnet, false},
		{"Rust", []string{"Cargo.toml"}, rust, false},
		{"PHP", []string{"composer.json", "index.php"}, php, false},
		{"Ruby", []string{"Gemfile"}, ruby, true},
		{"Python", pythonMarkers(), python, true},
		{"Node.js", []string{"package.json"}, node, true},
		{"pages", []string{"index.html", "public/index.html"}, static, false},
	}
}

// errNone is returned by a language that has no program in a directory.
var errNone = errors.New("no program")

// Refusal is why a directory with a marker holds nothing that can be deployed.
type Refusal struct{ Path, Reason string }

// Program recognises the program in a directory. What a language found and
// can't take is among the refusals.
func Program(d files.Dir) (service found.Service, ok bool, refusals []Refusal) {
	for _, language := range All() {
		marker := language.marker(d)
		if marker == "" {
			continue
		}
		made := found.Service{Why: d.Join(marker), Spec: project.Service{Build: &project.Build{Context: d.Path}}}
		err := language.recognise(d, &made)
		if err == nil {
			addProcesses(d, &made, language.shell)
			return made, true, nil
		}
		reason := err.Error()
		if errors.Is(err, errNone) {
			reason = "nothing in it says how the program is started"
		}
		refusals = append(refusals, Refusal{d.Join(marker), reason})
	}
	return found.Service{}, false, append(refusals, unsupported(d)...)
}

// marker returns the first file by which a directory may hold a program.
func (l Language) marker(d files.Dir) string {
	for _, marker := range l.Markers {
		if strings.Contains(marker, "*") {
			if names := d.Match(marker); len(names) > 0 {
				return names[0]
			}
		} else if d.Has(marker) {
			return marker
		}
	}
	return ""
}

// unsupported names languages of which no Dockerfile is written.
func unsupported(d files.Dir) []Refusal {
	var all []Refusal
	for _, one := range [][2]string{
		{"mix.exs", "Elixir"}, {"build.sbt", "Scala"}, {"deno.json", "Deno"}, {"deno.jsonc", "Deno"}, {"stack.yaml", "Haskell"},
		{"project.clj", "Clojure"}, {"Package.swift", "Swift"}, {"CMakeLists.txt", "C or C++"}, {"shard.yml", "Crystal"}, {"pubspec.yaml", "Dart"},
		{"gleam.toml", "Gleam"}, {"hugo.toml", "Hugo"}, {"_config.yml", "Jekyll"}, {"mkdocs.yml", "MkDocs"},
	} {
		if d.Has(one[0]) {
			all = append(all, Refusal{d.Join(one[0]), "no Dockerfile is written for " + one[1] + "; add one"})
		}
	}
	return all
}

// write adds the Dockerfile of a template, with the values, to what is
// written, and a .dockerignore where there is none.
func write(d files.Dir, service *found.Service, name string, values any) error {
	text, err := fill(name, values)
	if err != nil {
		return err
	}
	service.Write(d.Join("Dockerfile"), text)
	context := files.Dir{Tree: d.Tree, Path: service.Spec.Build.Context}
	if context.Path != d.Path {
		below := strings.TrimPrefix(d.Path, strings.TrimPrefix(context.Path+"/", "./"))
		service.Spec.Build.Dockerfile = path.Join(below, "Dockerfile")
	}
	if context.Has(".dockerignore") {
		return nil
	}
	ignore, err := fs.ReadFile(templates.Init(), "dockerignore")
	if err != nil {
		return fmt.Errorf("read the template dockerignore: %w", err)
	}
	service.Write(context.Join(".dockerignore"), ignore)
	return nil
}

// fill makes a Dockerfile of a template.
func fill(name string, values any) ([]byte, error) {
	name += ".Dockerfile"
	parsed, err := template.ParseFS(templates.Init(), name)
	if err != nil {
		return nil, fmt.Errorf("read the template %s: %w", name, err)
	}
	var made bytes.Buffer
	if err := parsed.Execute(&made, values); err != nil {
		return nil, fmt.Errorf("fill the template %s: %w", name, err)
	}
	return made.Bytes(), nil
}

// list writes words as the JSON list of a Dockerfile's CMD.
func list(words ...string) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(words); err != nil { // strings always encode
		return "[]"
	}
	return strings.TrimSpace(text.String())
}

// firstPort returns the first number that one of the expression's groups finds
// and that is a port.
func firstPort(expression *regexp.Regexp, text string) int32 {
	for _, match := range expression.FindAllStringSubmatch(text, 50) {
		for _, group := range match[1:] {
			if port, err := strconv.ParseUint(group, 10, 16); err == nil && port > 0 {
				return int32(port)
			}
		}
	}
	return 0
}

// ownPort returns the port that a program listens on: what the strict
// expression finds, else what the loose one does, but for ports of databases,
// which it connects to.
func ownPort(strict, loose *regexp.Regexp, text string) int32 {
	if port := firstPort(strict, text); port != 0 {
		return port
	}
	for _, match := range loose.FindAllStringSubmatch(text, 50) {
		port := firstPort(loose, match[0])
		if port != 0 && !slices.Contains([]int32{1433, 3306, 5432, 5672, 6379, 9092, 9200, 11211, 27017}, port) {
			return port
		}
	}
	return 0
}

// firstGroup returns what the expression's first group finds, empty when it
// finds nothing.
func firstGroup(expression *regexp.Regexp, text string) string {
	for _, match := range expression.FindAllStringSubmatch(text, 1) {
		for _, group := range match[1:] {
			if group != "" {
				return group
			}
		}
	}
	return ""
}

// listen makes the service listen on a port that its program takes from PORT.
func listen(service *found.Service, port int32) {
	service.Listen(port)
	service.SetEnv("PORT", strconv.Itoa(int(port)))
}
