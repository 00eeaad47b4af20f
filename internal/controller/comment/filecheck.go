package comment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// fileChange tells how the slipway.yaml of a commit differs from the one in
// force. A commit that the forge doesn't name differs in nothing.
func (r *Reconciler) fileChange(ctx context.Context, p *v1alpha1.Project, commit string) (report.FileChange, error) {
	if commit == "" || p.Status.FileCommit == "" || commit == p.Status.FileCommit {
		return report.FileChange{}, nil
	}
	force, err := r.fileID(ctx, p, p.Status.FileCommit)
	if err != nil {
		return report.FileChange{}, err
	}
	theirs, err := r.fileID(ctx, p, commit)
	if err != nil || theirs == force {
		return report.FileChange{}, err
	}
	document, found, err := r.check(ctx, p, commit)
	if err != nil || len(found) > 0 {
		return report.FileChange{Differs: true, Mistakes: found}, err
	}
	change := report.FileChange{Differs: true}
	if before, found, err := r.check(ctx, p, p.Status.FileCommit); err == nil && len(found) == 0 {
		change.Members = report.MemberChanges(before.File, document.File)
	}
	return change, nil
}

// fileID returns the object id of a commit's project file, empty for none.
func (r *Reconciler) fileID(ctx context.Context, p *v1alpha1.Project, commit string) (string, error) {
	tree, err := r.sources.Tree(ctx, p, p.Primary(), commit)
	if err != nil {
		return "", err
	}
	id, err := tree.Hash(project.FileName)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return id, err
}

// check reads the project file of a commit: the document, or what is wrong
// with it.
func (r *Reconciler) check(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, []scm.Finding, error) {
	document, _, err := r.sources.FileAt(ctx, p, commit)
	var problems projectfile.Problems
	switch code := fault.CodeOf(err); {
	case err == nil:
		return document, nil, nil
	case errors.As(err, &problems):
		return nil, report.Findings(problems), nil
	case code == fault.NotFound || code == fault.Denied:
		return nil, []scm.Finding{{Path: project.FileName, Line: 1, Column: 1, Message: fault.MessageOf(err)}}, nil
	}
	return nil, nil, err
}

// reportFile shows on a commit whether its slipway.yaml is right: at the lines
// where the forge can, else in the text of a status. A check that says the same
// already stays.
func (r *Reconciler) reportFile(ctx context.Context, host *forge.Client, p *v1alpha1.Project, commit string) error {
	if commit == "" {
		return nil
	}
	_, found, err := r.check(ctx, p, commit)
	if err != nil || (len(found) == 0 && commit == p.Status.FileCommit) {
		return err // the file in force is right: nothing to show
	}
	told := report.FileCheck(p, commit, found)
	key := p.Namespace + "/" + p.Name + "@" + commit
	if !r.memory.changed(key, told.Title) {
		return nil
	}
	if reader, reads := host.Reader(); reads {
		known, err := reader.Checks(ctx, told.Repository, commit)
		if err != nil {
			return fmt.Errorf("read checks of %.8s: %w", commit, err)
		}
		if known[told.Name] == told.State {
			r.memory.set(key, told.Title)
			return nil
		}
	}
	if err := notify.Annotate(ctx, host, told); err != nil {
		return fmt.Errorf("show the check of %s at %.8s: %w", project.FileName, commit, err)
	}
	r.memory.set(key, told.Title)
	return nil
}
