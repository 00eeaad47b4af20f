package build

import (
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Parameters are what a build is given besides its Dockerfile and its context.
type Parameters struct {
	Args     map[string]string
	Target   string // build stage, empty for the last
	Platform string // os/architecture
	// Base returns what the configuration of an image says that a stage begins with.
	Base func(ref string) (BaseConfig, error)
}

// BaseConfig is what the configuration of a base image says to a build.
type BaseConfig struct {
	Env []string // KEY=VALUE
	// OnBuild is true when the image has instructions for those who build on it.
	OnBuild bool
}

// Stage is a build stage with its variables substituted.
type Stage struct {
	Name string // lower case; empty for none
	Line int
	// Image is the image that the stage begins with, empty for scratch or a stage.
	Image string
	// Parent is the index of the stage that it begins with, -1 for none.
	Parent int
	// OnBuild is true when its base image has instructions for it.
	OnBuild bool
	Steps   []Step
}

// Step is an instruction with its variables substituted.
type Step struct {
	Command instructions.Command
	Line    int
	Text    string // as written, on one line
	// Unsure says why nobody knows the values of its variables before a build runs, or
	// why builders don't agree on them; empty when they are known.
	Unsure string
}

// Evaluate returns the stages of a Dockerfile up to the target, which is the last, with
// variables substituted as builders do. It says of single steps when that can't be told, and
// returns an error when nothing can: of another front end's file, say. What it
// reads is hostile; time and memory are bounded.
func Evaluate(path string, data []byte, p Parameters) ([]Stage, error) {
	file, err := ParseDockerfile(path, data) // of its own: substitution changes it
	if err != nil {
		return nil, err
	}
	if err := checkDirectives(data); err != nil {
		return nil, err
	}
	last, err := file.targetIndex(p.Target)
	if err != nil {
		return nil, err
	}
	args, err := PlatformArgs(p.Args, p.Platform)
	if err != nil {
		return nil, err
	}
	global, err := file.newExpander(args)
	if err != nil {
		return nil, err
	}
	e := &evaluation{file: file, parameters: p, args: args, global: global}
	for index := range file.stages[:last+1] {
		if err := e.stage(index); err != nil {
			return nil, err
		}
	}
	return e.stages, nil
}

// checkDirectives refuses a file that is another front end's, or has another escape
// character, which builders don't all know.
func checkDirectives(data []byte) error {
	if syntax, _, _, found := parser.DetectSyntax(data); found {
		image, _, _ := strings.Cut(strings.TrimPrefix(syntax, "docker.io/"), "@")
		image, _, _ = strings.Cut(image, ":")
		if image != "docker/dockerfile" && image != "docker/dockerfile-upstream" {
			return fmt.Errorf("it is written for %s (# syntax)", syntax)
		}
	}
	if escape, _, _, found := parser.ParseDirective("escape", data); found && escape != string(parser.DefaultEscapeToken) {
		return errors.New("it has another escape character (# escape)")
	}
	return nil
}

type evaluation struct {
	file       *Dockerfile
	parameters Parameters
	args       map[string]string // with those of the platform
	global     *expander
	stages     []Stage
	variables  []*variables // of the stages, after their last step
}

// stage evaluates the next stage.
func (e *evaluation) stage(index int) error {
	raw := e.file.stages[index]
	made := Stage{Name: raw.Name, Line: firstLine(raw.Location), Parent: -1}
	from, err := e.global.word(raw.BaseName)
	if err != nil {
		return err
	}
	if platform, err := e.global.word(raw.Platform); err != nil || platform != "" && platform != e.parameters.Platform {
		return fmt.Errorf("line %d names a platform of its own", made.Line)
	}
	if made.Name != "" && e.named(made.Name) >= 0 {
		return fmt.Errorf("two stages are named %s", made.Name)
	}
	seen := newVariables(e.global, e.args)
	switch parent := e.named(from); {
	case parent >= 0:
		made.Parent = parent
		err = seen.inherit(e.variables[parent])
	case strings.EqualFold(from, "scratch"):
		err = seen.setEnv(WithPath(nil))
	default:
		base, failed := e.parameters.Base(from)
		if failed != nil {
			return failed
		}
		made.Image, made.OnBuild = from, base.OnBuild
		err = seen.setEnv(base.Env)
	}
	if err != nil {
		return err
	}
	for _, command := range raw.Commands {
		step := Step{Command: command, Line: firstLine(command.Location()), Text: sourceOf(command)}
		if err := seen.apply(command); err != nil {
			if errors.Is(err, errTooMuchText) {
				return err
			}
			step.Unsure = err.Error()
		}
		made.Steps = append(made.Steps, step)
	}
	e.stages, e.variables = append(e.stages, made), append(e.variables, seen)
	return nil
}

// named returns the index of the stage that a name means, -1 for none.
func (e *evaluation) named(name string) int {
	for i, stage := range e.stages {
		if stage.Name != "" && strings.EqualFold(stage.Name, name) {
			return i
		}
	}
	return -1
}
