package commitstatus

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// FileCheck shows on a commit whether its project file is right: at the lines
// where the forge can, else in the text of a status. A check that already says
// the same stays.
func (Sink) FileCheck(ctx context.Context, to notify.Destination, c report.FileCheck) error {
	if to.Forge == nil {
		return nil
	}
	findings := findingsOf(c)
	if reader, reads := to.Forge.(scm.Reader); reads {
		known, err := reader.Checks(ctx, c.Repository, c.Commit)
		if err != nil {
			return fmt.Errorf("read checks of %.8s: %w", c.Commit, err)
		}
		if known[findings.Name] == findings.State {
			return nil
		}
	}
	if err := show(ctx, to.Forge, findings); err != nil {
		return fmt.Errorf("show the check of %s at %.8s: %w", project.FileName, c.Commit, err)
	}
	return nil
}

// findingsOf puts a check of the project file into a forge's words.
func findingsOf(c report.FileCheck) scm.Findings {
	findings := scm.Findings{
		Repository: c.Repository, Commit: c.Commit, Name: scm.Context(project.FileName), State: scm.StateSuccess,
		Title: c.Title, Summary: c.Summary, Found: c.Found,
	}
	switch {
	case len(c.Found) > 0:
		findings.State = scm.StateFailure
	case c.Held:
		findings.State = scm.StatePending
	}
	return findings
}

// show shows findings at their lines, and else in a status: not every forge
// can, and GitHub lets only Apps.
func show(ctx context.Context, forge scm.Reporter, f scm.Findings) error {
	if annotator, can := forge.(scm.Annotator); can {
		err := annotator.Annotate(ctx, f)
		code := fault.CodeOf(err)
		if code != fault.Denied && code != fault.NotFound && code != fault.Invalid {
			return err
		}
	}
	description := f.Title
	if n := len(f.Found) - 1; n > 0 {
		more := fmt.Sprintf(" (and %d more)", n)
		description = scm.Describe(description, scm.MaxDescription-len(more)) + more
	}
	return forge.SetStatus(ctx, scm.Status{Repository: f.Repository, Commit: f.Commit, Context: f.Name, State: f.State, Description: description})
}
