package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

type status struct {
	control.Connection
	streams stream.Streams
	format  string
	watch   bool
	project string
}

// NewStatus returns the command status.
func NewStatus(streams stream.Streams) *cobra.Command {
	s := &status{streams: streams}
	command := &cobra.Command{
		Use:     "status [PROJECT]",
		Short:   "Show every stage and service: commit, image, ready, URL",
		GroupID: "see",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 1 {
				s.project = args[0]
			}
			return s.run(command.Context())
		},
	}
	s.Flags(command)
	output.AddFlag(command, &s.format)
	command.Flags().BoolVarP(&s.watch, "watch", "w", false, "print again whenever something changes, until interrupted")
	return command
}

func (s *status) run(ctx context.Context) error {
	c, err := s.Client()
	if err != nil {
		return err
	}
	if !s.watch {
		return s.once(ctx, c)
	}
	return s.follow(ctx, c)
}

// once prints how things are now.
func (s *status) once(ctx context.Context, c client.WithWatch) error {
	lines, err := operate.Stages{Client: c}.Status(ctx, s.Scope(), s.project)
	if err != nil {
		return err
	}
	return output.New(s.streams, s.format).Print(lines, func(t *output.Table) { statusTable(t, lines) })
}

// follow prints again after every change, at most twice a second.
func (s *status) follow(ctx context.Context, c client.WithWatch) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes, err := operate.Watch(ctx, c, &v1alpha1.StageList{}, s.Scope())
	if err != nil {
		return err
	}
	for {
		if s.streams.Terminal && s.format == "text" {
			fmt.Fprint(s.streams.Out, "\x1b[H\x1b[2J")
		}
		if err := s.once(ctx, c); err != nil {
			return err
		}
		if !nextChange(ctx, changes) {
			return nil
		}
	}
}

// nextChange waits for a change and for what follows at its heels; false
// means that there will be no more.
func nextChange[T any](ctx context.Context, changes <-chan T) bool {
	select {
	case <-ctx.Done():
		return false
	case _, open := <-changes:
		if !open {
			return false
		}
	}
	settled := time.After(500 * time.Millisecond)
	for {
		select {
		case <-ctx.Done():
			return false
		case _, open := <-changes:
			if !open {
				return false
			}
		case <-settled:
			return true
		}
	}
}

func statusTable(t *output.Table, lines []operate.StatusLine) {
	t.Head("PROJECT", "STAGE", "PHASE", "COMMIT", "SERVICE", "IMAGE", "READY", "URL", "MESSAGE")
	for _, l := range lines {
		t.Marked(output.PhaseMark(l.Phase), l.Project, l.Stage, output.Dash(string(l.Phase)), output.Dash(operate.CommitText(l.Commit, l.Head)), output.Dash(l.Service),
			output.Dash(output.ShortImage(l.Image)), output.Dash(l.Ready), output.Dash(l.URL), l.Message)
	}
}
