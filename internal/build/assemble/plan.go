package assemble

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/slipway-dev/slipway/internal/build"
)

// Version is part of the input hash of what is assembled.
const Version = "slipway assemble 1"

// Obstacle says why an image can't be assembled. It blames nobody: a builder makes the
// image.
type Obstacle struct {
	Line   int // of the Dockerfile, 0 for none
	Reason string
}

// Error says the reason.
func (o *Obstacle) Error() string {
	if o.Line > 0 {
		return fmt.Sprintf("line %d: %s", o.Line, o.Reason)
	}
	return o.Reason
}

// In returns the reason with its place in a file.
func (o *Obstacle) In(file string) string {
	if o.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", file, o.Line, o.Reason)
	}
	return file + ": " + o.Reason
}

func obstacle(line int, format string, args ...any) *Obstacle {
	return &Obstacle{Line: line, Reason: fmt.Sprintf(format, args...)}
}

// Check returns what keeps an image from being assembled, as far as its stages say it,
// nil for nothing. Stages and error are those of build.Evaluate. It is pure.
func Check(stages []build.Stage, err error) *Obstacle {
	if err != nil {
		return obstacle(0, "%v", err)
	}
	for _, index := range needed(stages) {
		if stages[index].OnBuild {
			return obstacle(stages[index].Line, "its base image has instructions for builds (ONBUILD)")
		}
		for _, step := range stages[index].Steps {
			if found := checkStep(stages[:index], step); found != nil {
				return found
			}
		}
	}
	return nil
}

// checkStep checks an instruction; earlier are the stages before its own.
func checkStep(earlier []build.Stage, step build.Step) *Obstacle {
	if step.Unsure != "" {
		return obstacle(step.Line, "%s", step.Unsure)
	}
	reason := ""
	switch c := step.Command.(type) {
	case *instructions.RunCommand:
		reason = "RUN runs a command"
	case *instructions.OnbuildCommand:
		reason = "ONBUILD is for other builds"
	case *instructions.CopyCommand:
		switch {
		case c.Parents || len(c.ExcludePatterns) > 0:
			reason = "COPY has a flag that builders don't agree on"
		case c.From != "" && stageOf(earlier, c.From) < 0:
			reason = "COPY takes files of another image"
		}
	case *instructions.AddCommand:
		switch {
		case slices.ContainsFunc(c.SourcePaths, isRemote):
			reason = "ADD fetches from elsewhere"
		case len(c.ExcludePatterns) > 0 || c.Checksum != "" || c.KeepGitDir:
			reason = "ADD has a flag that builders don't agree on"
		}
	case *instructions.EnvCommand, *instructions.LabelCommand, *instructions.ExposeCommand, *instructions.UserCommand, *instructions.WorkdirCommand,
		*instructions.CmdCommand, *instructions.EntrypointCommand, *instructions.VolumeCommand, *instructions.StopSignalCommand,
		*instructions.HealthCheckCommand, *instructions.ArgCommand, *instructions.ShellCommand, *instructions.MaintainerCommand:
	default:
		reason = step.Command.Name() + " is not known"
	}
	if reason == "" {
		return nil
	}
	return obstacle(step.Line, "%s", reason)
}

// isRemote reports whether a source of ADD may be no path of the context.
func isRemote(source string) bool {
	return strings.Contains(source, ":") || strings.HasPrefix(source, "github.com/")
}

// needed returns the stages that the last one is made of, itself included, in order.
func needed(stages []build.Stage) []int {
	want := make([]bool, len(stages))
	want[len(stages)-1] = true
	var order []int
	for index := len(stages) - 1; index >= 0; index-- {
		if !want[index] {
			continue
		}
		order = append(order, index)
		if parent := stages[index].Parent; parent >= 0 {
			want[parent] = true
		}
		for _, step := range stages[index].Steps {
			if c, is := step.Command.(*instructions.CopyCommand); is && c.From != "" {
				if from := stageOf(stages[:index], c.From); from >= 0 {
					want[from] = true
				}
			}
		}
	}
	slices.Reverse(order)
	return order
}

// stageOf returns the index of the stage that COPY --from means, -1 for none.
func stageOf(earlier []build.Stage, from string) int {
	for index, stage := range earlier {
		if stage.Name != "" && strings.EqualFold(stage.Name, from) {
			return index
		}
	}
	if index, err := strconv.Atoi(from); err == nil && index >= 0 && index < len(earlier) {
		return index
	}
	return -1
}
