package controller

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/scm"
)

// fileChange tells how the slipway.yaml of a commit differs from the one in
// force. A commit that the forge doesn't name differs in nothing.
func (r *CommentReconciler) fileChange(ctx context.Context, p *v1alpha1.Project, commit string) (fileChange, error) {
	if commit == "" || p.Status.FileCommit == "" || commit == p.Status.FileCommit {
		return fileChange{}, nil
	}
	force, err := r.fileID(ctx, p, p.Status.FileCommit)
	if err != nil {
		return fileChange{}, err
	}
	theirs, err := r.fileID(ctx, p, commit)
	if err != nil || theirs == force {
		return fileChange{}, err
	}
	document, found, err := r.check(ctx, p, commit)
	if err != nil || len(found) > 0 {
		return fileChange{differs: true, mistakes: found}, err
	}
	change := fileChange{differs: true}
	if before, found, err := r.check(ctx, p, p.Status.FileCommit); err == nil && len(found) == 0 {
		change.members = memberChanges(before.File, document.File)
	}
	return change, nil
}

// fileID returns the object id of a commit's project file, empty for none.
func (r *CommentReconciler) fileID(ctx context.Context, p *v1alpha1.Project, commit string) (string, error) {
	tree, err := r.Sources.Tree(ctx, p, p.Primary(), commit)
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
func (r *CommentReconciler) check(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, []scm.Finding, error) {
	document, _, err := r.Sources.File(ctx, p, commit)
	var problems projectfile.Problems
	switch code := fault.CodeOf(err); {
	case err == nil:
		return document, nil, nil
	case errors.As(err, &problems):
		return nil, findingsOf(problems), nil
	case code == fault.NotFound || code == fault.Denied:
		return nil, []scm.Finding{{Path: project.FileName, Line: 1, Column: 1, Message: fault.MessageOf(err)}}, nil
	}
	return nil, nil, err
}

func findingsOf(problems projectfile.Problems) []scm.Finding {
	var found []scm.Finding
	for _, problem := range problems {
		found = append(found, scm.Finding{
			Path: problem.File, Line: problem.Line, Column: problem.Column,
			Message: problem.Path + ": " + problem.What + "; " + problem.Remedy,
		})
	}
	return found
}

// tellFile shows on a commit whether its slipway.yaml is right: at the lines
// where the forge can, else in the text of a status. A check that says the same
// already stays.
func (r *CommentReconciler) tellFile(ctx context.Context, forge *forgeClient, p *v1alpha1.Project, commit string) error {
	if commit == "" {
		return nil
	}
	_, found, err := r.check(ctx, p, commit)
	if err != nil || (len(found) == 0 && commit == p.Status.FileCommit) {
		return err // the file in force is right: nothing to show
	}
	told := fileFindings(p, commit, found)
	key := p.Namespace + "/" + p.Name + "@" + commit
	if !r.memory.news(key, told.Title) {
		return nil
	}
	if reader, reads := forge.reader(); reads {
		known, err := reader.Checks(ctx, told.Repository, commit)
		if err != nil {
			return fmt.Errorf("read checks of %.8s: %w", commit, err)
		}
		if known[told.Name] == told.State {
			r.memory.set(key, told.Title)
			return nil
		}
	}
	if err := annotate(ctx, forge, told); err != nil {
		return fmt.Errorf("show the check of %s at %.8s: %w", project.FileName, commit, err)
	}
	r.memory.set(key, told.Title)
	return nil
}

// fileFindings puts what was found into a forge's words.
func fileFindings(p *v1alpha1.Project, commit string, found []scm.Finding) scm.Findings {
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

// annotate shows findings at their lines, and else in a status: not every
// forge can, and GitHub lets only Apps.
func annotate(ctx context.Context, forge *forgeClient, told scm.Findings) error {
	if annotator, can := forge.Reporter.(scm.Annotator); can {
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
	return forge.SetStatus(ctx, scm.Status{Repository: told.Repository, Commit: told.Commit, Context: told.Name, State: told.State, Description: description})
}
