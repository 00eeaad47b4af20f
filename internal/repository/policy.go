package repository

import (
	"context"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// Policy returns what the primary repository's own project file of a commit says of
// members, stages and previews, and its object id. An accepted commit that can't be
// read any more, because the trusted ref was forced away from it, counts as it was
// kept on the Project. An error with the code unavailable may pass.
func (s *Sources) Policy(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, string, error) {
	document, id, err := s.primary(ctx, p, commit)
	if err == nil {
		return document, id, nil
	}
	file := p.Status.File
	if file == nil || file.Accepted == nil || file.Accepted.Commit != commit || file.Accepted.Policy == "" {
		return nil, "", err
	}
	document, err = projectfile.ReadPolicy(project.FileName, file.Accepted.Policy)
	return document, file.Accepted.ID, err
}

// FileOf returns the project file of a commit that is not the trusted ref's, with what
// the project's accepted file says of members, stages and previews, and the head of
// that file, for which other repositories are where a head of the trusted ref has them.
func (s *Sources) FileOf(ctx context.Context, p *v1alpha1.Project, commit string, trusted v1alpha1.Head, accepted v1alpha1.AcceptedFile) (v1alpha1.Head, error) {
	head := v1alpha1.Head{FileCommit: commit, Acceptance: trusted.Acceptance}
	for _, c := range trusted.Secondary {
		if c.Ref == "" {
			head.Secondary = append(head.Secondary, c)
		}
	}
	document, id, err := s.File(ctx, p, head)
	if err != nil {
		return head, err
	}
	head.FileID = id
	if head, err = s.withBuilt(ctx, p, document.File, head); err != nil {
		return head, err
	}
	_, head, err = s.Under(ctx, p, document, head, accepted)
	return head, err
}

// Under returns a document and its head with what the project's accepted file says
// of members, stages and previews. The id changes with both.
func (s *Sources) Under(ctx context.Context, p *v1alpha1.Project, document *projectfile.Document, head v1alpha1.Head, accepted v1alpha1.AcceptedFile) (*projectfile.Document, v1alpha1.Head, error) {
	policy, _, err := s.Policy(ctx, p, accepted.Commit)
	if err != nil {
		return nil, head, err
	}
	head.AcceptedCommit = accepted.Commit
	head.FileID = stateID(head.FileID + " under " + accepted.ID)
	return document.Under(policy), head, nil
}
