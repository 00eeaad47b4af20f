package report

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/acceptance"
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/scm"
)

// maxShown bounds the lines of a list in a comment.
const maxShown = 50

// FileChange is what a commit's slipway.yaml would change.
type FileChange struct {
	Differs  bool
	Mistakes []scm.Finding
	Rights   []string // sentences about who gains or loses what
}

// PullRequest is how things stand with an open pull request.
type PullRequest struct {
	Repository string // owner/name at the forge
	Number     int64
	Text       string // Markdown
}

// PullRequestOf reports the stages that a pull request's branch feeds, and what
// merging it would change; false when there is nothing to say.
func PullRequestOf(p *v1alpha1.Project, number int64, stages []v1alpha1.Stage, change FileChange) (PullRequest, bool) {
	text := markdown(stages, previewLines(p, number), change)
	return PullRequest{Repository: p.Primary().Path, Number: number, Text: text}, text != ""
}

// markdown returns the report's text; empty when there is nothing to say.
func markdown(stages []v1alpha1.Stage, preview []string, change FileChange) string {
	var text strings.Builder
	if len(stages) > 0 {
		text.WriteString("| stage | commit | state |\n|---|---|---|\n")
	}
	for _, stage := range stages[:min(len(stages), maxShown)] {
		text.WriteString(StageRow(stage) + "\n")
	}
	if n := len(stages) - maxShown; n > 0 {
		fmt.Fprintf(&text, "\n%d more stages are not shown.\n", n)
	}
	writeSection(&text, "It has no preview of this commit:", preview)
	writeSection(&text, project.FileName+" has mistakes, so it will not be followed:", mistakes(change.Mistakes))
	writeSection(&text, "Merging this into the trusted branch changes who may do what:", change.Rights)
	if text.Len() == 0 {
		return ""
	}
	return "### Slipway\n\n" + text.String()
}

// previewLines says why a pull request has no preview of its head, if it would get one
// otherwise. That there is nothing to preview is no news.
func previewLines(p *v1alpha1.Project, number int64) []string {
	for _, one := range p.Status.Previews {
		if one.PullRequest == number && one.Message != "" && one.State != v1alpha1.PreviewUnchanged {
			return []string{fmt.Sprintf("%s: `%s`", strings.ToLower(one.State), codeSpan(one.Message))}
		}
	}
	return nil
}

// NothingToPreview reports on the head of a pull request that makes what runs already;
// false for others.
func NothingToPreview(p *v1alpha1.Project, request scm.PullRequest) (Release, bool) {
	for _, one := range p.Status.Previews {
		if one.PullRequest == request.Number && one.State == v1alpha1.PreviewUnchanged {
			return Release{
				Repository: p.Primary().Path, Commit: one.Commit, Ref: request.Head.Ref,
				Stage: previewName, Preview: true, Step: StepUnchanged, Latest: true, Sentence: StepUnchanged.describe(one.Message),
			}, true
		}
	}
	return Release{}, false
}

func writeSection(text *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	text.WriteString("\n" + title + "\n\n")
	for _, line := range lines[:min(len(lines), maxShown)] {
		text.WriteString("- " + line + "\n")
	}
	if n := len(lines) - maxShown; n > 0 {
		fmt.Fprintf(text, "- and %d more\n", n)
	}
}

// StageRow returns a stage's line. All steps before the last read the same, so
// that a comment is edited twice per release at most.
func StageRow(stage v1alpha1.Stage) string {
	name := "`" + stage.Spec.Name + "`"
	if strings.HasPrefix(stage.Status.URL, "http") {
		name = "[" + name + "](" + codeSpan(stage.Link()) + ")"
	}
	step, message := StepOf(stage.Status.Phase), ""
	switch step {
	case StepQueued, StepBuilding, StepSuperseded:
		step = StepDeploying
	case StepLive, StepFailed, StepHeld:
		if ready := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
			message = ready.Message
		}
	}
	state := cmp.Or(string(step), "new")
	if message != "" {
		state = step.describe(message)
	}
	return fmt.Sprintf("| %s | %s | `%s` |", name, commitCell(&stage), codeSpan(state))
}

// commitCell returns the commit of a stage, and since which one nothing changed
// there.
func commitCell(stage *v1alpha1.Stage) string {
	attempted := stage.Status.Attempted
	if head := stage.Status.Unchanged(); head != "" && attempted == stage.Status.Commit {
		return fmt.Sprintf("`%.8s` (unchanged since `%.8s`)", head, attempted)
	}
	return fmt.Sprintf("`%.8s`", attempted)
}

// codeSpan makes a text safe inside a code span, or a link, of a table: nobody is
// mentioned, and nothing is formatted.
func codeSpan(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '`', '|', '<', '>', '\\', '\n', '\r':
			return ' '
		}
		return r
	}, text)
}

func mistakes(found []scm.Finding) []string {
	var lines []string
	for _, finding := range found {
		lines = append(lines, fmt.Sprintf("`%s:%d:%d` `%s`", finding.Path, finding.Line, finding.Column, codeSpan(finding.Message)))
	}
	return lines
}

// RightsChanges says what a project file changes about who may do what, and whom
// that takes.
func RightsChanges(force, after *project.File) []string {
	changes := acceptance.Compare(force, after)
	if len(changes) == 0 {
		return nil
	}
	var lines []string
	for _, line := range acceptance.Sentences(changes, maxShown-1) {
		lines = append(lines, "`"+codeSpan(line)+"`")
	}
	who := "a maintainer"
	if acceptance.Needs(changes) == project.ActionChangeMembers {
		who = "an owner"
	}
	return append(lines, "that takes "+who+": when somebody else merges, it is held until one accepts it")
}
