package language

import (
	"maps"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

// Process is one line of a Procfile.
type Process struct {
	Name, Command string
	Line          int
}

// processLine is a line of a Procfile.
var processLine = regexp.MustCompile(`^([A-Za-z0-9_-]{1,63}):\s*(\S.*)$`)

// Procfile returns the processes of a directory's Procfile, in its order.
func Procfile(d files.Dir) []Process {
	var all []Process
	for i, line := range strings.Split(d.Text("Procfile"), "\n") {
		if match := processLine.FindStringSubmatch(strings.TrimSpace(line)); match != nil && len(all) < 50 {
			all = append(all, Process{match[1], strings.TrimSpace(match[2]), i + 1})
		}
	}
	return all
}

// Shell returns the words that run a command line as Procfiles mean it.
func Shell(command string) []string {
	return []string{"sh", "-c", "exec " + command}
}

// webCommand returns the command of the process web, empty when there is none.
func webCommand(d files.Dir) string {
	for _, process := range Procfile(d) {
		if process.Name == "web" {
			return process.Command
		}
	}
	return ""
}

// addProcesses takes the release command over. Other processes become
// services later: Others returns them.
func addProcesses(d files.Dir, service *found.Service, shell bool) {
	for _, process := range Procfile(d) {
		where := d.Join("Procfile")
		switch {
		case process.Name == "release" && shell:
			service.Spec.Release = &project.Hook{Command: chain(process.Command)}
		case process.Name == "release":
			service.Hint("%s:%d: release is left out: its command is meant for another image; give the service a release command in slipway.yaml", where, process.Line)
		case process.Name == "web" && !shell:
			service.Hint("%s:%d: web is left out: the Dockerfile says how the program is started", where, process.Line)
		}
	}
}

// chain is Shell for a command that may consist of several.
func chain(command string) []string {
	if strings.ContainsAny(command, "&|;") {
		return []string{"sh", "-c", command}
	}
	return Shell(command)
}

// WithoutPort returns variables but for that of the port.
func WithoutPort(env map[string]string) map[string]string {
	rest := maps.Clone(env)
	if delete(rest, "PORT"); len(rest) == 0 {
		return nil
	}
	return rest
}

// Others returns the services of the further processes of a directory's
// Procfile: they run the image of the first service with commands of their
// own.
func Others(d files.Dir, service found.Service) (others []found.Service, left []Refusal) {
	language := ""
	for _, candidate := range All() {
		if candidate.marker(d) != "" && candidate.shell {
			language = candidate.Name
			break
		}
	}
	for _, process := range Procfile(d) {
		if process.Name == "web" || process.Name == "release" {
			continue
		}
		if language == "" {
			left = append(left, Refusal{d.Join("Procfile"), "the process " + process.Name + " is left out: its command is meant for another image; add a service with that command"})
			continue
		}
		build := *service.Spec.Build
		other := found.Service{Name: found.Name(process.Name), Why: d.Join("Procfile") + ", " + process.Name, Held: service.Held, Secret: "web-secrets"}
		other.Spec = project.Service{Build: &build, Command: chain(process.Command), Env: WithoutPort(service.Spec.Env)}
		others = append(others, other)
	}
	return others, left
}
