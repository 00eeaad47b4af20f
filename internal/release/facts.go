package release

import (
	"cmp"
	"context"
	"errors"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
)

// Facts tells what only the forge knows. Its errors are coded. A forge that
// doesn't tell never fails a release: the gate that needs the fact stays shut,
// says why, and is tried again.
type Facts interface {
	// Checks returns how the checks of the release's commit stand, by name.
	Checks(ctx context.Context, o Inputs) (map[string]plan.CheckState, error)
	// Groups returns those of the groups that the login belongs to.
	Groups(ctx context.Context, o Inputs, login string, among []string) ([]string, error)
}

// ask adds to the facts what the forge tells, where a gate needs it.
func (r *run) ask(ctx context.Context, f *plan.Facts) {
	var silent error
	if len(f.Rule.Requires.Checks) > 0 {
		var err error
		f.Checks, err = r.checks(ctx)
		silent = errors.Join(silent, err)
	}
	if groups := deciding(*f); len(groups) > 0 {
		var err error
		f.Actor.Groups, err = r.groups(ctx, f.Actor.Login, groups)
		silent = errors.Join(silent, err)
	}
	if silent != nil {
		r.Log.Warn("ask the forge", "release", r.Release.Name, "error", silent)
		f.Unknown = "the forge doesn't tell more now: " + fault.MessageOf(silent)
	}
}

func (r *run) checks(ctx context.Context) (map[string]plan.CheckState, error) {
	if r.Facts == nil {
		return nil, unasked()
	}
	return r.Facts.Checks(ctx, r.Inputs)
}

func (r *run) groups(ctx context.Context, login string, among []string) ([]string, error) {
	if r.Facts == nil {
		return nil, unasked()
	}
	return r.Facts.Groups(ctx, r.Inputs, login, among)
}

func unasked() error {
	return fault.New(fault.Internal, "this server speaks with no forge")
}

// deciding returns the groups that may give the actor the right to what is
// asked for; none when the login alone has it.
func deciding(f plan.Facts) []string {
	action := cmp.Or(f.Action, project.ActionDeploy)
	if f.Actor.Login == "" || f.File.RoleOf(f.Actor).May(action, f.Rule.Protected) {
		return nil
	}
	var groups []string
	for _, member := range f.File.Members {
		if member.Group != "" && member.Role.May(action, f.Rule.Protected) {
			groups = append(groups, member.Group)
		}
	}
	return groups
}
