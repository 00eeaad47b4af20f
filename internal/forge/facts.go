package forge

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Facts asks the forge of a project's primary repository for what a plan
// needs. It implements runner.Facts.
type Facts struct{ Forges *Forges }

// Checks implements runner.Facts.
func (f *Facts) Checks(ctx context.Context, o release.Inputs) (map[string]plan.CheckState, error) {
	reader, err := f.reader(ctx, o.Project)
	if err != nil {
		return nil, err
	}
	exchange, end := scm.Exchange(ctx)
	defer end()
	states, err := reader.Checks(exchange, o.Project.Primary().Path, o.Release.Spec.Head.Commit)
	if err != nil {
		return nil, fmt.Errorf("checks of %.8s: %w", o.Release.Spec.Head.Commit, err)
	}
	checks := make(map[string]plan.CheckState, len(states))
	for name, state := range states {
		checks[name] = checkState(state)
	}
	return checks, nil
}

// checkState puts a check into the words of a plan: one that couldn't be tried
// did not pass.
func checkState(state scm.State) plan.CheckState {
	switch state {
	case scm.StateSuccess:
		return plan.CheckPassed
	case scm.StatePending:
		return plan.CheckPending
	}
	return plan.CheckFailed
}

// Groups implements runner.Facts.
func (f *Facts) Groups(ctx context.Context, o release.Inputs, login string, among []string) ([]string, error) {
	return f.Members(ctx, o.Project, login, among)
}

// Members returns those of the groups that the login belongs to, by the word of the
// forge of a project's primary repository.
func (f *Facts) Members(ctx context.Context, p *v1alpha1.Project, login string, among []string) ([]string, error) {
	reader, err := f.reader(ctx, p)
	if err != nil {
		return nil, err
	}
	exchange, end := scm.Exchange(ctx)
	defer end()
	groups, err := reader.Groups(exchange, login, among)
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", login, err)
	}
	return groups, nil
}

func (f *Facts) reader(ctx context.Context, p *v1alpha1.Project) (scm.Reader, error) {
	forge, err := f.Forges.Client(ctx, p, p.Primary())
	if err != nil {
		return nil, err
	}
	if forge == nil {
		return nil, fault.New(fault.Invalid, "repository %s has no token to ask its forge with; name a Secret with one in the Project's spec.repositories", p.Primary().Path)
	}
	reader, reads := forge.Reader()
	if !reads {
		return nil, fault.New(fault.Internal, "forge %s can't be asked", p.Primary().Forge)
	}
	return reader, nil
}
