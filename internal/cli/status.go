package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// statusLine is one service of one stage.
type statusLine struct {
	Project string         `json:"project"`
	Stage   string         `json:"stage"`
	Phase   v1alpha1.Phase `json:"phase"`
	Commit  string         `json:"commit,omitempty"`
	Service string         `json:"service,omitempty"`
	Image   string         `json:"image,omitempty"`
	Ready   string         `json:"ready,omitempty"`
	URL     string         `json:"url,omitempty"`
	Message string         `json:"message,omitempty"`
}

type status struct {
	cluster
	streams Streams
	format  string
	watch   bool
	project string
}

func newStatus(streams Streams) *cobra.Command {
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
	s.flags(command)
	outputFlag(command, &s.format)
	command.Flags().BoolVarP(&s.watch, "watch", "w", false, "print again whenever something changes, until interrupted")
	return command
}

func (s *status) run(ctx context.Context) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if !s.watch {
		return s.once(ctx, c)
	}
	return s.follow(ctx, c)
}

// once prints how things are now.
func (s *status) once(ctx context.Context, c client.Client) error {
	lines, err := s.lines(ctx, c)
	if err != nil {
		return err
	}
	return output{s.streams, s.format}.print(lines, func(t *table) { statusTable(t, lines) })
}

// follow prints again after every change, at most twice a second.
func (s *status) follow(ctx context.Context, c client.WithWatch) error {
	var stages v1alpha1.StageList
	watcher, err := c.Watch(ctx, &stages, s.namespace())
	if err != nil {
		return fmt.Errorf("watch stages: %w", err)
	}
	defer watcher.Stop()
	for {
		if s.streams.Terminal && s.format == "text" {
			fmt.Fprint(s.streams.Out, "\x1b[H\x1b[2J")
		}
		if err := s.once(ctx, c); err != nil {
			return err
		}
		if !nextChange(ctx, watcher.ResultChan()) {
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

// lines gathers the services of all stages.
func (s *status) lines(ctx context.Context, c client.Client) ([]statusLine, error) {
	var stages v1alpha1.StageList
	if err := list(ctx, c, &stages, s.namespace()); err != nil {
		return nil, err
	}
	slices.SortFunc(stages.Items, func(a, b v1alpha1.Stage) int {
		return cmp.Or(cmp.Compare(a.Spec.Project, b.Spec.Project), cmp.Compare(a.Spec.Name, b.Spec.Name))
	})
	lines := []statusLine{}
	for _, stage := range stages.Items {
		if s.project == "" || stage.Spec.Project == s.project {
			lines = append(lines, stageLines(stage)...)
		}
	}
	return lines, nil
}

func stageLines(stage v1alpha1.Stage) []statusLine {
	line := statusLine{Project: stage.Spec.Project, Stage: stage.Spec.Name, Phase: stage.Status.Phase, Commit: short(stage.Status.Commit), Message: remark(&stage)}
	for _, condition := range stage.Status.Conditions {
		if condition.Type == v1alpha1.ConditionReady && condition.Status != "True" {
			line.Message = condition.Message
		}
	}
	if len(stage.Status.Services) == 0 {
		return []statusLine{line}
	}
	var lines []statusLine
	for _, service := range stage.Status.Services {
		each := line
		each.Service, each.Image, each.URL = service.Name, service.Image, service.URL
		each.Ready = fmt.Sprintf("%d/%d", service.Ready, service.Wanted)
		if service.Message != "" {
			each.Message = service.Message
		}
		lines = append(lines, each)
	}
	return lines
}

func statusTable(t *table, lines []statusLine) {
	t.head("PROJECT", "STAGE", "PHASE", "COMMIT", "SERVICE", "IMAGE", "READY", "URL", "MESSAGE")
	for _, l := range lines {
		t.marked(phaseMark(l.Phase), l.Project, l.Stage, dash(string(l.Phase)), dash(l.Commit), dash(l.Service),
			dash(shortImage(l.Image)), dash(l.Ready), dash(l.URL), l.Message)
	}
}

// shortImage keeps what tells images apart: the last name and the first
// digits of the digest.
func shortImage(image string) string {
	name, digest, found := strings.Cut(image, "@sha256:")
	name = name[strings.LastIndex(name, "/")+1:]
	if !found {
		return name
	}
	return name + "@" + short(digest)
}
