package operate

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// StatusLine is one service of one stage, or a stage that has none.
type StatusLine struct {
	Project string         `json:"project"`
	Stage   string         `json:"stage"`
	Phase   v1alpha1.Phase `json:"phase"`
	Commit  string         `json:"commit,omitempty"` // the last that changed anything: its first eight characters
	Head    string         `json:"head,omitempty"`   // a later one that changes nothing here
	Service string         `json:"service,omitempty"`
	Image   string         `json:"image,omitempty"`
	Ready   string         `json:"ready,omitempty"` // such as 1/2
	URL     string         `json:"url,omitempty"`
	Message string         `json:"message,omitempty"`
}

// Status returns a line per service, of all stages or of one project's.
func (s Stages) Status(ctx context.Context, namespace, project string) ([]StatusLine, error) {
	stages, err := s.List(ctx, namespace)
	if err != nil {
		return nil, err
	}
	lines := []StatusLine{}
	for i := range stages {
		if project == "" || stages[i].Spec.Project == project {
			lines = append(lines, statusLines(&stages[i])...)
		}
	}
	return lines, nil
}

func statusLines(stage *v1alpha1.Stage) []StatusLine {
	line := StatusLine{Project: stage.Spec.Project, Stage: stage.Spec.Name, Phase: stage.Status.Phase, Commit: ShortCommit(stage.Status.Commit), Head: ShortCommit(stage.Status.Unchanged()), Message: WhyNotAutomatic(stage)}
	for _, condition := range stage.Status.Conditions {
		if condition.Type == v1alpha1.ConditionReady && condition.Status != "True" {
			line.Message = condition.Message
		}
	}
	if len(stage.Status.Services) == 0 {
		return []StatusLine{line}
	}
	var lines []StatusLine
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

// CommitText returns the commit that a stage has, and since which one nothing
// changed: "a2ff6c3d (unchanged since d4e8d1d0)". Head is empty when both are one.
func CommitText(commit, head string) string {
	if head == "" {
		return ShortCommit(commit)
	}
	return ShortCommit(head) + " (unchanged since " + ShortCommit(commit) + ")"
}

// ShortCommit returns the first eight characters of a commit.
func ShortCommit(commit string) string {
	if len(commit) > 8 {
		return commit[:8]
	}
	return commit
}
