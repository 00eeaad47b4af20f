package starter

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/project"
)

var (
	// containerPort finds the port inside the container.
	containerPort = regexp.MustCompile(`(?:^|:)(\d{1,5})(?:/tcp)?$`)
	// envName is the name of an environment variable.
	envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// secretWord finds the words that names of secret values have.
	secretWord = regexp.MustCompile(`(?i)passw|secret|token|credential|private|api_?key`)
)

// composeFile is what matters here of a Compose file.
type composeFile struct {
	Services map[string]composeService `json:"services"`
}

type composeService struct {
	Build       any   `json:"build"`
	Image       any   `json:"image"`
	Ports       []any `json:"ports"`
	Expose      []any `json:"expose"`
	Environment any   `json:"environment"`
	Command     any   `json:"command"`
}

// compose makes a service of each one that a Compose file builds, and one that
// takes all others from the file.
func (l looker) compose(name string) ([]Service, error) {
	text, err := l.read(name)
	if err != nil {
		return nil, err
	}
	var file composeFile
	if err := manifest.Unmarshal([]byte(text), &file); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s can't be read: %v; correct it", name, err)
	}
	var built []Service
	var others []string
	for _, key := range slices.Sorted(maps.Keys(file.Services)) {
		if file.Services[key].Build == nil {
			others = append(others, key)
			continue
		}
		built = append(built, l.composed(name, key, file.Services[key]))
	}
	if len(others) == 0 {
		return built, nil
	}
	own := "compose"
	for slices.Contains(others, own) || slices.ContainsFunc(built, func(s Service) bool { return s.Name == own }) {
		own += "-file"
	}
	return append(built, Service{Name: own, Why: name, compose: &project.Compose{File: name, Services: others}}), nil
}

// composed makes the service of one that a Compose file builds.
func (l looker) composed(file, key string, c composeService) Service {
	s := Service{Name: serviceName(key), Why: file + ", services." + key, Port: composePort(append(c.Ports, c.Expose...)), Directory: "."}
	context, dockerfile := composeBuild(c.Build)
	if clean := path.Clean(context); plainPath(clean) {
		s.Directory = clean
	} else {
		s.notes = append(s.notes, fmt.Sprintf("service %s: its build context %.60q is no directory of the repository: correct it in slipway.yaml", s.Name, context))
	}
	if dockerfile != "" && plainPath(path.Clean(dockerfile)) {
		s.dockerfile = path.Clean(dockerfile)
	}
	if s.dockerfile == "" && !l.isFile(path.Join(s.Directory, "Dockerfile")) {
		s.notes = append(s.notes, fmt.Sprintf("service %s: there is no %s", s.Name, path.Join(s.Directory, "Dockerfile")))
	}
	s.env = environment(c.Environment)
	if c.Command != nil {
		s.notes = append(s.notes, fmt.Sprintf("service %s: its command in %s is not taken over: add command to slipway.yaml", s.Name, file))
	}
	return s
}

func composeBuild(build any) (context, dockerfile string) {
	switch build := build.(type) {
	case string:
		return build, ""
	case map[string]any:
		context, _ = build["context"].(string)
		dockerfile, _ = build["dockerfile"].(string)
	}
	if context == "" {
		context = "."
	}
	return context, dockerfile
}

// composePort returns the first port inside the container.
func composePort(ports []any) int {
	for _, entry := range ports {
		if long, ok := entry.(map[string]any); ok {
			entry = long["target"]
		}
		text := strings.Trim(fmt.Sprint(entry), `"`)
		if number, ok := entry.(float64); ok {
			text = strconv.Itoa(int(number))
		}
		if port := firstPort(containerPort, text); port != 0 {
			return port
		}
	}
	return 0
}

// environment returns the variables that are plain values.
func environment(value any) map[string]string {
	env := map[string]string{}
	add := func(name, value string) {
		if envName.MatchString(name) && !strings.Contains(value, "$") && !secretName(name) {
			env[name] = value
		}
	}
	switch value := value.(type) {
	case map[string]any:
		for name, one := range value {
			if one != nil {
				add(name, fmt.Sprint(one))
			}
		}
	case []any:
		for _, one := range value {
			if name, given, found := strings.Cut(fmt.Sprint(one), "="); found {
				add(name, given)
			}
		}
	}
	return env
}

// secretName reports whether a variable sounds like one whose value belongs in
// a Secret.
func secretName(name string) bool {
	return secretWord.MatchString(name)
}
