package notify

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Annotate shows findings at their lines, and else in a status: not every
// forge can, and GitHub lets only Apps.
func Annotate(ctx context.Context, host *forge.Client, told scm.Findings) error {
	if annotator, can := host.Reporter.(scm.Annotator); can {
		err := annotator.Annotate(ctx, told)
		code := fault.CodeOf(err)
		if code != fault.Denied && code != fault.NotFound && code != fault.Invalid {
			return err
		}
	}
	description := told.Title
	if n := len(told.Found) - 1; n > 0 {
		more := fmt.Sprintf(" (and %d more)", n)
		description = scm.Describe(description, scm.MaxDescription-len(more)) + more
	}
	return host.SetStatus(ctx, scm.Status{Repository: told.Repository, Commit: told.Commit, Context: told.Name, State: told.State, Description: description})
}
