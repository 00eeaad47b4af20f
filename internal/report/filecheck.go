package report

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/scm"
)

// FileCheck is what was found in the project file of a commit.
type FileCheck struct {
	Repository string // owner/name at the forge
	Commit     string // full id
	Title      string // one line; the first mistake, if there is one
	Summary    string // Markdown
	Found      []scm.Finding
	// Held is true while what the file says of members, stages and previews waits.
	Held bool
}

// FileCheckOf reports what was found in the project file of a commit of the
// primary repository; nothing found means that it is right.
func FileCheckOf(p *v1alpha1.Project, commit string, found []scm.Finding) FileCheck {
	check := FileCheck{
		Repository: p.Primary().Path, Commit: commit,
		Title: project.FileName + " is right", Summary: "Slipway can follow it.",
	}
	if len(found) > 0 {
		first := found[0]
		check.Found = found
		check.Title = fmt.Sprintf("%s:%d:%d: %s", first.Path, first.Line, first.Column, first.Message)
		check.Summary = fmt.Sprintf("%s has mistakes: %d. Each is shown at its line; `slipway validate` shows them all.", project.FileName, len(found))
	}
	return check
}

// HeldFileOf reports that the project file of the trusted ref is held, or that
// somebody accepted it; false when there is nothing to say of either.
func HeldFileOf(p *v1alpha1.Project) (FileCheck, bool) {
	check := FileCheckOf(p, p.Status.FileCommit, nil)
	held, file := p.Status.Held, p.Status.File
	switch {
	case held != nil && held.Commit == p.Status.FileCommit:
		check.Held, check.Summary = true, codeSpan(held.Message)
		check.Title = fmt.Sprintf("held until `slipway approve %s`: %s", p.Name, strings.Join(held.Changes, ", "))
		return check, true
	case file != nil && file.Accepted != nil && file.Accepted.Reason == v1alpha1.AcceptedApproved && file.Accepted.Commit == p.Status.FileCommit:
		check.Title = project.FileName + " is in force, accepted by " + file.Accepted.By
		return check, true
	}
	return check, false
}

// ReplacedFileOf reports what became of the project file of a commit that was held when
// another commit took its place.
func ReplacedFileOf(p *v1alpha1.Project, commit string) FileCheck {
	check := FileCheckOf(p, commit, nil)
	if file := p.Status.File; file != nil && file.Accepted != nil && file.Accepted.Commit == commit {
		check.Title = project.FileName + " was accepted by " + file.Accepted.By
		return check
	}
	check.Title = fmt.Sprintf("replaced by commit %.8s before anybody accepted it", p.Status.FileCommit)
	check.Summary = "What it says of members, stages and previews did not count. The check of the later commit says what does."
	return check
}

// Findings puts problems of a project file into findings at their lines.
func Findings(problems projectfile.Problems) []scm.Finding {
	var found []scm.Finding
	for _, problem := range problems {
		found = append(found, scm.Finding{
			Path: problem.File, Line: problem.Line, Column: problem.Column,
			Message: problem.Path + ": " + problem.What + "; " + problem.Remedy,
		})
	}
	return found
}
