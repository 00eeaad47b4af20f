package report

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/scm"
)

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

// FileCheck puts what was found into a forge's words.
func FileCheck(p *v1alpha1.Project, commit string, found []scm.Finding) scm.Findings {
	told := scm.Findings{
		Repository: p.Primary().Path, Commit: commit, Name: scm.Context(project.FileName), State: scm.StateSuccess,
		Title: project.FileName + " is right", Summary: "Slipway can follow it.",
	}
	if len(found) > 0 {
		first := found[0]
		told.State, told.Found = scm.StateFailure, found
		told.Title = fmt.Sprintf("%s:%d:%d: %s", first.Path, first.Line, first.Column, first.Message)
		told.Summary = fmt.Sprintf("%s has mistakes: %d. Each is shown at its line; `slipway validate` shows them all.", project.FileName, len(found))
	}
	return told
}
