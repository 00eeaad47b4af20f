package operate

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
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
	if asleep := release.AsleepText(stage); asleep != "" {
		line.Message = asleep
	}
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

// Preview is how it stands with the preview of an open pull request.
type Preview struct {
	PullRequest int64          `json:"pullRequest"`
	State       string         `json:"state"` // as in v1alpha1.Preview
	Stage       string         `json:"stage,omitempty"`
	Commit      string         `json:"commit"`            // the pull request's head
	Running     string         `json:"running,omitempty"` // the commit that runs; empty for none
	Phase       v1alpha1.Phase `json:"phase,omitempty"`
	URL         string         `json:"url,omitempty"`
	Expires     *time.Time     `json:"expires,omitempty"` // without another push or visit
	Message     string         `json:"message,omitempty"`
}

// Previews returns how it stands with the previews of a project, by the number of the
// pull request, and what keeps Slipway from knowing it; empty for nothing.
func (s Projects) Previews(ctx context.Context, p *v1alpha1.Project) (all []Preview, unknown string, err error) {
	all = []Preview{}
	for _, known := range p.Status.Previews {
		one := Preview{PullRequest: known.PullRequest, State: known.State, Commit: known.Commit, Message: known.Message}
		if known.Ends != nil {
			one.Expires = new(known.Ends.Time)
		}
		var stage v1alpha1.Stage
		name := client.ObjectKey{Namespace: p.Namespace, Name: naming.StageObject(p.Name, naming.StageForPullRequest("", known.PullRequest))}
		err := s.Client.Get(ctx, name, &stage)
		if client.IgnoreNotFound(err) != nil {
			return nil, "", Explain(err, "read stage %s", name.Name)
		}
		if err == nil && stage.Spec.PullRequest == known.PullRequest {
			one.describe(&stage)
		}
		all = append(all, one)
	}
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionPreviews); c != nil && c.Status != metav1.ConditionTrue {
		unknown = c.Message
	}
	return all, unknown, nil
}

// describe adds what a preview's stage says.
func (p *Preview) describe(stage *v1alpha1.Stage) {
	p.Stage, p.Running, p.Phase, p.URL = stage.Spec.Name, stage.Status.Commit, stage.Status.Phase, stage.Link()
	if head := stage.Status.Unchanged(); head != "" {
		p.Running = head
	}
	if ready := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionReady); p.Message == "" && ready != nil && ready.Status != metav1.ConditionTrue {
		p.Message = ready.Message
	}
	if asleep := release.AsleepText(stage); p.Message == "" && asleep != "" {
		p.Message = asleep
	}
}
