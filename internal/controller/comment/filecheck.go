package comment

import (
	"context"
	"errors"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// fileChange returns how the slipway.yaml of a commit differs from the one in
// force. A commit that the forge doesn't name differs in nothing.
func (r *Reconciler) fileChange(ctx context.Context, p *v1alpha1.Project, commit string) (report.FileChange, error) {
	if commit == "" || p.Status.FileCommit == "" || commit == p.Status.FileCommit {
		return report.FileChange{}, nil
	}
	force, err := r.Sources.FileID(ctx, p, p.Status.FileCommit)
	if err != nil {
		return report.FileChange{}, err
	}
	theirs, err := r.Sources.FileID(ctx, p, commit)
	if err != nil || theirs == force {
		return report.FileChange{}, err
	}
	document, found, err := r.check(ctx, p, commit)
	if err != nil || len(found) > 0 {
		return report.FileChange{Differs: true, Mistakes: found}, err
	}
	change := report.FileChange{Differs: true}
	if before, found, err := r.check(ctx, p, acceptedCommit(p)); err == nil && len(found) == 0 {
		change.Rights = report.RightsChanges(before.File, document.File)
	}
	return change, nil
}

// acceptedCommit returns the commit whose members, stages and previews are in force.
func acceptedCommit(p *v1alpha1.Project) string {
	if file := p.Status.File; file != nil && file.Accepted != nil {
		return file.Accepted.Commit
	}
	return p.Status.FileCommit
}

// check reads the project file of a commit: the document, or what is wrong
// with it.
func (r *Reconciler) check(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, []scm.Finding, error) {
	document, _, err := r.Sources.FileAt(ctx, p, commit)
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

// reportReplaced ends the check of a commit whose file was held until another commit
// took its place: nobody will accept it any more.
func (r *Reconciler) reportReplaced(ctx context.Context, to notify.Destination, p *v1alpha1.Project) error {
	known, _ := r.memory.held.Get(keyOf(p))
	commit, _ := known.(string)
	if commit == "" || commit == p.Status.FileCommit {
		return nil
	}
	if err := r.Sinks.FileCheck(ctx, to, report.ReplacedFileOf(p, commit)); err != nil {
		return err
	}
	r.memory.held.Remove(keyOf(p))
	return nil
}

// reportFile reports whether a commit's slipway.yaml is right.
func (r *Reconciler) reportFile(ctx context.Context, to notify.Destination, p *v1alpha1.Project, commit string) error {
	if commit == "" {
		return nil
	}
	_, found, err := r.check(ctx, p, commit)
	if err != nil {
		return err
	}
	check := report.FileCheckOf(p, commit, found)
	if len(found) == 0 && commit == p.Status.FileCommit {
		var say bool
		if check, say = report.HeldFileOf(p); !say {
			return nil // the file in force is right
		}
	}
	key := keyOf(p) + "@" + commit
	if !r.memory.changed(key, check.Title) {
		return nil
	}
	if err := r.Sinks.FileCheck(ctx, to, check); err != nil {
		return err
	}
	r.memory.set(key, check.Title)
	if commit == p.Status.FileCommit {
		r.memory.held.Remove(keyOf(p))
	}
	if check.Held {
		r.memory.held.Add(keyOf(p), commit)
	}
	return nil
}
