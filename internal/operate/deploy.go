package operate

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// commitID is a commit's id or the beginning of one.
var commitID = regexp.MustCompile(`^[0-9a-f]{4,64}$`)

// Deploy requests a release of a commit, named by its id or by the beginning
// of one that the stage knows. An empty commit means the one that the stage
// wants: the newest of its branch.
func (s *Stage) Deploy(ctx context.Context, who Actor, commit string) (*v1alpha1.Release, error) {
	head, err := s.head(commit)
	if err != nil {
		return nil, err
	}
	return s.request(ctx, who, v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerDeploy, Head: head})
}

// head returns the head of a commit. The project file is always the one in
// force now.
func (s *Stage) head(commit string) (v1alpha1.Head, error) {
	wanted := s.Object.Spec.Wanted
	commit = strings.ToLower(commit)
	if commit == "" || commit == wanted.Commit {
		return wanted, nil
	}
	full, err := s.fullCommit(commit)
	if err != nil {
		return v1alpha1.Head{}, err
	}
	if full == wanted.Commit {
		return wanted, nil
	}
	return v1alpha1.Head{Commit: full, FileCommit: wanted.FileCommit, FileID: wanted.FileID, Secondary: wanted.Secondary}, nil
}

// fullCommit completes the beginning of a commit id.
func (s *Stage) fullCommit(commit string) (string, error) {
	if !commitID.MatchString(commit) {
		return "", fault.New(fault.Invalid, "%.80q is no commit id; give one such as 4f2a9c1d", commit)
	}
	found := []string{}
	for _, known := range s.commits() {
		if strings.HasPrefix(known, commit) {
			found = append(found, known)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", fault.New(fault.Invalid, "commit %s could be any of %d commits of %s; give more of it", commit, len(found), s)
	case len(commit) == 40, len(commit) == 64:
		return commit, nil
	}
	return "", fault.New(fault.NotFound, "%s has had no commit that begins with %s; give all of it (`git rev-parse %s`)", s, commit, commit)
}

// commits returns the commits that the stage wants and has had, and the newest that
// changes nothing.
func (s *Stage) commits() []string {
	all := []string{s.Object.Spec.Wanted.Commit}
	if head := s.Object.Status.Head; head != nil {
		all = append(all, head.Commit)
	}
	for _, rel := range s.Releases {
		all = append(all, rel.Spec.Head.Commit)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
