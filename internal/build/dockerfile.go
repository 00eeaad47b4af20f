package build

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Limits of a Dockerfile.
const (
	maxDockerfileBytes = 512 << 10
	maxStages          = 200
)

// Dockerfile is a parsed Dockerfile. It is immutable and safe for concurrent
// use.
type Dockerfile struct {
	path     string
	stages   []instructions.Stage
	metaArgs []instructions.ArgCommand
}

// Instruction is one instruction of a Dockerfile.
type Instruction struct {
	Stage int    // index of the build stage, from 0
	Line  int    // first line, from 1
	Text  string // the instruction on one line, continuations joined
}

// Base is an image that a build starts from or copies from.
type Base struct {
	Ref  string // as written, arguments substituted
	Line int
}

// ParseDockerfile parses data; path is the name that errors show. Errors are
// fault.Invalid and start with path:line where a line is known.
func ParseDockerfile(path string, data []byte) (*Dockerfile, error) {
	if len(data) > maxDockerfileBytes {
		return nil, fault.New(fault.Invalid, "%s: the Dockerfile has %d bytes, more than the %d allowed; make it smaller", path, len(data), maxDockerfileBytes)
	}
	parsed, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, invalidDockerfile(path, err)
	}
	stages, metaArgs, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{SkipAll: true}))
	if err != nil {
		return nil, invalidDockerfile(path, err)
	}
	if len(stages) == 0 {
		return nil, fault.New(fault.Invalid, "%s:1: the Dockerfile has no FROM instruction; start it with FROM and a base image", path)
	}
	if len(stages) > maxStages {
		return nil, fault.New(fault.Invalid, "%s: the Dockerfile has %d stages, more than the %d allowed; split it", path, len(stages), maxStages)
	}
	return &Dockerfile{path: path, stages: stages, metaArgs: metaArgs}, nil
}

func invalidDockerfile(path string, err error) error {
	line := 1
	var located *parser.LocationError
	if errors.As(err, &located) && len(located.Locations) > 0 {
		line = firstLine(located.Locations[0])
	}
	text := strings.TrimPrefix(err.Error(), fmt.Sprintf("dockerfile parse error on line %d: ", line))
	return fault.New(fault.Invalid, "%s:%d: %s; correct the Dockerfile", path, line, printable.Excerpt(text, maxCauseBytes))
}

func firstLine(ranges []parser.Range) int {
	if len(ranges) == 0 || ranges[0].Start.Line < 1 {
		return 1
	}
	return ranges[0].Start.Line
}

// Path returns the name that errors show.
func (d *Dockerfile) Path() string { return d.path }

// Instructions returns the instructions of all stages in order, FROM not
// among them.
func (d *Dockerfile) Instructions() []Instruction {
	var all []Instruction
	for index, stage := range d.stages {
		for _, command := range stage.Commands {
			all = append(all, Instruction{
				Stage: index,
				Line:  firstLine(command.Location()),
				Text:  sourceOf(command),
			})
		}
	}
	return all
}

// sourceOf returns the text of an instruction as builders print it.
func sourceOf(command instructions.Command) string {
	if s, ok := command.(fmt.Stringer); ok {
		return s.String()
	}
	return command.Name()
}

// Bases returns the images that building target needs, each once, in order:
// those of FROM, of COPY --from and of mounts in every stage up to the target. Stages of
// the file itself and scratch are none. Args are the build arguments.
func (d *Dockerfile) Bases(args map[string]string, target string) ([]Base, error) {
	last, err := d.targetIndex(target)
	if err != nil {
		return nil, err
	}
	expander, err := d.newExpander(args)
	if err != nil {
		return nil, err
	}
	found := baseSet{names: map[string]bool{}, refs: map[string]bool{}}
	for index, stage := range d.stages[:last+1] {
		line := firstLine(stage.Location)
		ref, err := expander.word(stage.BaseName)
		if err != nil {
			return nil, d.invalid(line, "FROM %s: %v", stage.BaseName, err)
		}
		if ref == "" {
			return nil, d.invalid(line, "FROM %s names no image, because an argument in it has no value; give the ARG a default or set build.args", stage.BaseName)
		}
		found.add(ref, line)
		d.addCopies(&found, index)
		if stage.Name != "" {
			found.names[strings.ToLower(stage.Name)] = true
		}
	}
	return found.bases, nil
}

// addCopies adds the images that a stage copies from or mounts.
func (d *Dockerfile) addCopies(found *baseSet, index int) {
	for _, command := range d.stages[index].Commands {
		for _, from := range sourcesOf(command) {
			if number, err := strconv.Atoi(from); err == nil && number >= 0 && number < index {
				continue
			}
			found.add(from, firstLine(command.Location()))
		}
	}
}

// sourcesOf returns the stages and images that an instruction takes files from.
func sourcesOf(command instructions.Command) []string {
	var from []string
	switch c := command.(type) {
	case *instructions.CopyCommand:
		from = append(from, c.From)
	case *instructions.RunCommand:
		for _, mount := range instructions.GetMounts(c) {
			from = append(from, mount.From)
		}
	}
	return slices.DeleteFunc(from, func(name string) bool { return name == "" })
}

func (d *Dockerfile) targetIndex(target string) (int, error) {
	if target == "" {
		return len(d.stages) - 1, nil
	}
	for index, stage := range d.stages {
		if strings.EqualFold(stage.Name, target) {
			return index, nil
		}
	}
	return 0, fault.New(fault.Invalid, "%s: no stage is named %q; name one of the file's stages as build.target, or leave it out for the last", d.path, target)
}

func (d *Dockerfile) invalid(line int, format string, args ...any) error {
	return fault.New(fault.Invalid, "%s:%d: %s", d.path, line, printable.Excerpt(fmt.Sprintf(format, args...), maxCauseBytes))
}

// baseSet collects base images, leaving out earlier stages and repetitions.
type baseSet struct {
	names map[string]bool // lower-case names of the stages so far
	refs  map[string]bool
	bases []Base
}

func (s *baseSet) add(ref string, line int) {
	if strings.EqualFold(ref, "scratch") || s.names[strings.ToLower(ref)] || s.refs[ref] {
		return
	}
	s.refs[ref] = true
	s.bases = append(s.bases, Base{Ref: ref, Line: line})
}
