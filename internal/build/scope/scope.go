package scope

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/slipway-dev/slipway/internal/build"
)

// Limits of what a scope lists; beyond them it is the whole context. A token has room
// for one.
const (
	maxSources     = 200
	maxSourceBytes = 3 << 10 // as JSON
)

// whole is the source that means all of a context.
const whole = "."

// Scope is what a build may read of its context, besides its Dockerfile and the
// ignore file. The zero Scope is nothing.
type Scope struct {
	// Sources are paths below the context, which may have wildcards; "." is all of it.
	// They are sorted, each once.
	Sources []string `json:"sources,omitempty"`
	// Dockerfile is the path of the Dockerfile below the context.
	Dockerfile string `json:"dockerfile"`
}

// Of returns the scope of a build, from its stages as build.Evaluate returns them; its
// error means that nothing is certain. Dockerfile is its path below the context.
func Of(dockerfile string, stages []build.Stage, err error) Scope {
	all := Scope{Sources: []string{whole}, Dockerfile: dockerfile}
	if err != nil {
		return all
	}
	var sources []string
	for _, stage := range stages {
		if stage.OnBuild {
			return all
		}
		for _, step := range stage.Steps {
			read, certain := sourcesOf(step)
			if !certain {
				return all
			}
			for _, source := range read {
				sources = append(sources, clean(source))
			}
		}
	}
	slices.Sort(sources)
	sources = slices.Compact(sources)
	if slices.Contains(sources, whole) || slices.ContainsFunc(sources, isStrange) || !fits(sources) {
		return all
	}
	return Scope{Sources: sources, Dockerfile: dockerfile}
}

// fits reports whether sources are few and short enough to be listed.
func fits(sources []string) bool {
	text, err := json.Marshal(sources)
	return err == nil && len(text) <= maxSourceBytes && len(sources) <= maxSources
}

// sourcesOf returns what an instruction reads of the context, and whether that is
// certain.
func sourcesOf(step build.Step) (sources []string, certain bool) {
	switch c := step.Command.(type) {
	case *instructions.OnbuildCommand:
		return nil, false
	case *instructions.CopyCommand:
		if c.From != "" {
			return nil, true
		}
		return c.SourcePaths, step.Unsure == ""
	case *instructions.AddCommand:
		return c.SourcePaths, step.Unsure == "" && !slices.ContainsFunc(c.SourcePaths, isRemote)
	case *instructions.RunCommand:
		for _, mount := range instructions.GetMounts(c) {
			if mount.Type == instructions.MountTypeBind && mount.From == "" {
				sources = append(sources, mount.Source)
			}
		}
		return sources, step.Unsure == ""
	}
	return nil, true
}

// isRemote reports whether a source of ADD is no path of the context: a URL, or an
// address of git.
func isRemote(source string) bool {
	return strings.Contains(source, ":") || strings.HasPrefix(source, "github.com/")
}

// isStrange reports whether builders read a source each in their own way: one with
// escapes, or with wildcards that match slashes.
func isStrange(source string) bool {
	return strings.ContainsAny(source, "\\\x00") || strings.Contains(source, "**") || hasWildcard(source) && !isPattern(source)
}

// isPattern reports whether a pattern is well formed.
func isPattern(pattern string) bool {
	_, err := path.Match(pattern, "")
	return err == nil
}

func hasWildcard(name string) bool { return strings.ContainsAny(name, "*?[") }

// clean returns a source as a path below the context. What leads outside stays at its
// root, as builders have it.
func clean(source string) string {
	if cleaned := strings.TrimPrefix(path.Clean("/"+source), "/"); cleaned != "" {
		return cleaned
	}
	return whole
}
