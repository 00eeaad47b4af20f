package bitbucket

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

func (c *cloudForge) readChecks(ctx context.Context, operation, repository, commit string, checks *scm.Checks) error {
	next := c.repository(repository, "commit", commit, "statuses") + "?pagelen=100"
	for range maxPages {
		var page struct {
			Values []status `json:"values"`
			Next   string   `json:"next"`
		}
		if _, err := c.call(ctx, operation, http.MethodGet, next, nil, &page); err != nil {
			return err
		}
		for _, s := range page.Values {
			if err := s.add(checks); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		next = page.Next
	}
	return scm.TooMany(operation, maxPages*100)
}

func (c *cloudForge) readRequests(ctx context.Context, operation, repository string) ([]scm.PullRequest, error) {
	var list scm.PullRequestList
	next := c.repository(repository, "pullrequests") + "?state=OPEN&pagelen=50"
	for range maxPages {
		var page struct {
			Values []cloudPullRequest `json:"values"`
			Next   string             `json:"next"`
		}
		if _, err := c.call(ctx, operation, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Values {
			request, err := p.neutral(scm.Event{Name: "pullrequest", Repository: repository})
			if err != nil {
				return nil, err
			}
			if err := list.Add(operation, request); err != nil {
				return nil, err
			}
		}
		if page.Next == "" {
			return list.Open(), nil
		}
		next = page.Next
	}
	return nil, scm.TooMany(operation, scm.MaxPullRequests)
}

// belongs asks whether the account is in the workspace that the group names.
func (c *cloudForge) belongs(ctx context.Context, operation, login, group string) (bool, error) {
	if strings.Contains(group, "/") {
		return false, fault.New(fault.Invalid, "%s: Bitbucket Cloud doesn't disclose who is in group %s; list its members by their account ids, or name a whole workspace", operation, group)
	}
	_, err := c.call(ctx, operation, http.MethodGet, in("workspaces", group, "members", login), nil, nil)
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// maxMerged is how many of the merged pull requests that changed last are searched for
// the one whose merge made a commit.
const maxMerged = 50

// cloudReviewed is a pull request of the Cloud with who reviewed it.
type cloudReviewed struct {
	cloudPullRequest
	Merge *struct {
		Hash string `json:"hash"` // only the first digits
	} `json:"merge_commit"`
	Participants []struct {
		User  *cloudUser `json:"user"`
		State string     `json:"state"`
		Date  time.Time  `json:"participated_on"` // of somebody who approves: when that was
	} `json:"participants"`
}

func (c *cloudForge) merged(ctx context.Context, operation, repository, branch, commit string) (*scm.Merged, error) {
	found, err := c.mergeOf(ctx, operation, repository, branch, commit)
	if err != nil || found == nil {
		return nil, err
	}
	path := c.repository(repository, "pullrequests", strconv.FormatInt(found.ID, 10))
	var whole cloudReviewed
	if _, err := c.call(ctx, operation, http.MethodGet, path, nil, &whole); err != nil {
		return nil, err
	}
	head, err := c.fullCommit(ctx, operation, repository, whole.Source.Commit.Hash)
	if err != nil {
		return nil, err
	}
	changed, merged, err := c.changes(ctx, operation, path)
	if err != nil {
		return nil, err
	}
	var verdicts scm.Verdicts
	for _, one := range whole.Participants {
		if one.State == "approved" && one.Date.After(changed) {
			verdicts.Add(scm.Approval{Login: one.User.login(), ID: one.User.login()}, head)
		}
	}
	return &scm.Merged{Head: head, At: merged, Approvals: verdicts.Standing(head, whole.Author.login())}, nil
}

// mergeOf returns the pull request whose merge made a commit, nil for none.
func (c *cloudForge) mergeOf(ctx context.Context, operation, repository, branch, commit string) (*cloudReviewed, error) {
	var page struct {
		Values []cloudReviewed `json:"values"`
	}
	path := c.repository(repository, "pullrequests") + "?state=MERGED&sort=-updated_on&pagelen=" + strconv.Itoa(maxMerged)
	if _, err := c.call(ctx, operation, http.MethodGet, path, nil, &page); err != nil {
		return nil, err
	}
	for _, p := range page.Values {
		if !p.isMergeOf(repository, branch, commit) {
			continue
		}
		whole, err := c.fullCommit(ctx, operation, repository, p.Merge.Hash)
		if err != nil {
			return nil, err
		}
		if whole == commit {
			return &p, nil
		}
	}
	return nil, nil
}

// isMergeOf reports whether a pull request was merged into a branch as a commit, as far
// as the first digits of the commit tell.
func (p cloudReviewed) isMergeOf(repository, branch, commit string) bool {
	to := p.Destination
	return p.State == "MERGED" && p.Merge != nil && p.Merge.Hash != "" && strings.HasPrefix(commit, p.Merge.Hash) && p.Author != nil &&
		to.Branch.Name == branch && to.Repository != nil && strings.EqualFold(to.Repository.FullName, repository)
}

// fullCommit returns the whole id of a commit.
func (c *cloudForge) fullCommit(ctx context.Context, operation, repository, id string) (string, error) {
	var found struct {
		Hash string `json:"hash"`
	}
	if _, err := c.call(ctx, operation, http.MethodGet, c.repository(repository, "commit", id), nil, &found); err != nil {
		return "", err
	}
	return scm.FullCommit(operation, found.Hash)
}

// changes returns when a pull request changed last before it was merged, and when that
// was. Bitbucket does not say what an approval is of: one from before the last change,
// be it a push or a word in the title, counts for nothing. Two commits may be alike in
// the digits that it shows.
func (c *cloudForge) changes(ctx context.Context, operation, pullRequest string) (changed, merged time.Time, err error) {
	next := pullRequest + "/activity?pagelen=50"
	for range maxPages {
		var page struct {
			Values []struct {
				Update *struct {
					State string    `json:"state"`
					Date  time.Time `json:"date"`
				} `json:"update"`
			} `json:"values"`
			Next string `json:"next"`
		}
		if _, err := c.call(ctx, operation, http.MethodGet, next, nil, &page); err != nil {
			return changed, merged, err
		}
		for _, activity := range page.Values {
			switch update := activity.Update; {
			case update == nil:
			case update.State == "MERGED" && update.Date.After(merged):
				merged = update.Date
			case update.State != "MERGED" && update.Date.After(changed):
				changed = update.Date
			}
		}
		if page.Next == "" {
			return changed, merged, nil
		}
		next = page.Next
	}
	return changed, merged, scm.TooMany(operation, maxPages*50)
}

func (c *cloudForge) filePath(repository, commit, file string) string {
	return c.repository(repository, "src", commit) + "/" + raw(file)
}
