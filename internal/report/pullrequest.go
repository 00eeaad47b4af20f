package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/acceptance"
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/preview"
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

// ForkChange is what a commit of a fork, which waits to be approved, would change of
// what decides what runs.
type ForkChange struct {
	Commit string
	Lines  []string // which parts differ from the trusted ref
	Diffs  []FileDiff
	// Others is how many wait before it, so that it was not read; 0 when it was.
	Others int
}

// Discussion is what a comment under a pull request is about.
type Discussion struct {
	Number int64
	// Stages are those that the pull request's branch feeds, and its preview.
	Stages []v1alpha1.Stage
	File   FileChange
	// Fork is nil unless a commit of a fork waits to be approved.
	Fork *ForkChange
	// Answered is the newest comment that was answered; nil for none.
	Answered *v1alpha1.Delivery
	Now      time.Time
}

// PullRequestOf reports how things stand with a pull request, and what merging it
// would change; false when there is nothing to say.
func PullRequestOf(p *v1alpha1.Project, d Discussion) (PullRequest, bool) {
	text := markdown(p, d)
	return PullRequest{Repository: p.Primary().Path, Number: d.Number, Text: text}, text != ""
}

// title begins every comment.
const title = "### Slipway\n\n"

// markdown returns the report's text; empty when there is nothing to say.
func markdown(p *v1alpha1.Project, d Discussion) string {
	var text strings.Builder
	if len(d.Stages) > 0 {
		text.WriteString("| stage | commit | state |\n|---|---|---|\n")
	}
	for _, stage := range d.Stages[:min(len(d.Stages), maxShown)] {
		text.WriteString(StageRow(stage) + "\n")
	}
	if n := len(d.Stages) - maxShown; n > 0 {
		fmt.Fprintf(&text, "\n%d more stages are not shown.\n", n)
	}
	if preview := previewOf(p, d.Number); preview != nil {
		writeSection(&text, "It has no preview of this commit:", previewLines(*preview))
		if warning := Warning(*preview, d.Now); warning != "" {
			text.WriteString("\n" + warning + "\n")
		}
	}
	writeFork(&text, d.Fork)
	writeSection(&text, project.FileName+" has mistakes, so it will not be followed:", mistakes(d.File.Mistakes))
	writeSection(&text, "Merging this into the trusted branch changes who may do what:", d.File.Rights)
	if d.Answered != nil {
		text.WriteString("\n" + answer(d.Answered))
	}
	if text.Len() == 0 {
		return ""
	}
	return title + text.String()
}

// previewOf returns how it stands with the preview of a pull request, nil when nothing
// is known of one.
func previewOf(p *v1alpha1.Project, number int64) *v1alpha1.Preview {
	for i := range p.Status.Previews {
		if p.Status.Previews[i].PullRequest == number {
			return &p.Status.Previews[i]
		}
	}
	return nil
}

// previewLines says why a pull request has no preview of its head, if it would get one
// otherwise. That there is nothing to preview is no news.
func previewLines(one v1alpha1.Preview) []string {
	if one.Message == "" || one.State == v1alpha1.PreviewUnchanged {
		return nil
	}
	return []string{fmt.Sprintf("%s: `%s`", strings.ToLower(one.State), codeSpan(one.Message))}
}

// WarnBefore is how long before its end a preview says so.
const WarnBefore = 24 * time.Hour

// Warning says that a preview ends soon; empty when it does not.
func Warning(one v1alpha1.Preview, now time.Time) string {
	if one.Ends == nil || one.Ends.Sub(now) > WarnBefore {
		return ""
	}
	return fmt.Sprintf("The preview ends at %s. A push, `/slipway extend 3d` or the label `%s` keeps it.", one.Ends.UTC().Format("2006-01-02 15:04 MST"), preview.LabelKeep)
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
