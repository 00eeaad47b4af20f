package bitbucket

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

func (c *centerForge) readChecks(ctx context.Context, operation, repository, commit string, checks *scm.Checks) error {
	builds := rest{base: c.sibling("build-status/latest/"), token: c.token, http: c.http, now: c.now}
	return eachPage(ctx, &builds, operation, in("commits", commit), "", func(s status) error { return s.add(checks) })
}

// sibling returns the base of another of the Data Center's APIs.
func (c *centerForge) sibling(name string) *url.URL {
	base := *c.base
	base.Path = strings.TrimSuffix(base.Path, "api/latest/") + name
	return &base
}

func (c *centerForge) readRequests(ctx context.Context, operation, repository string) ([]scm.PullRequest, error) {
	var list scm.PullRequestList
	err := eachPage(ctx, c.rest, operation, c.repository(repository, "pull-requests"), "&state=OPEN", func(p centerPullRequest) error {
		_, request, err := p.neutral(scm.Event{Name: "pull request"}, nil)
		if err != nil {
			return err
		}
		return list.Add(operation, request)
	})
	if err != nil {
		return nil, err
	}
	return list.Open(), nil
}

// belongs asks for the users of the group whose name contains the login.
func (c *centerForge) belongs(ctx context.Context, operation, login, group string) (bool, error) {
	found := false
	query := "&" + url.Values{"group": {group}, "filter": {login}}.Encode()
	err := eachPage(ctx, c.rest, operation, "users", query, func(user centerUser) error {
		found = found || strings.EqualFold(user.Name, login)
		return nil
	})
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	return found, err
}

// eachPage follows a paged list of the Data Center.
func eachPage[T any](ctx context.Context, api *rest, operation, path, query string, each func(T) error) error {
	start := 0
	for range maxPages {
		var page struct {
			Values []T  `json:"values"`
			Last   bool `json:"isLastPage"`
			Next   int  `json:"nextPageStart"`
		}
		if _, err := api.call(ctx, operation, http.MethodGet, path+"?limit=100&start="+strconv.Itoa(start)+query, nil, &page); err != nil {
			return err
		}
		for _, value := range page.Values {
			if err := each(value); err != nil {
				return err
			}
		}
		if page.Last || page.Next <= start {
			return nil
		}
		start = page.Next
	}
	return scm.TooMany(operation, maxPages*100)
}

// centerReviewed is a pull request of the Data Center with who reviewed it.
type centerReviewed struct {
	centerPullRequest
	Closed     int64 `json:"closedDate"` // milliseconds since 1970
	Properties struct {
		Merge struct {
			ID string `json:"id"`
		} `json:"mergeCommit"`
	} `json:"properties"`
	Reviewers    []centerReview `json:"reviewers"`
	Participants []centerReview `json:"participants"`
}

// centerReview is the verdict of an account, and of which commit it is.
type centerReview struct {
	User   *centerUser `json:"user"`
	Status string      `json:"status"`
	Commit string      `json:"lastReviewedCommit"`
}

// errEnough ends the walk through a list.
var errEnough = errors.New("found")

func (c *centerForge) merged(ctx context.Context, operation, repository, branch, commit string) (*scm.Merged, error) {
	var found *centerReviewed
	err := eachPage(ctx, c.rest, operation, c.repository(repository, "commits", commit, "pull-requests"), "", func(p centerReviewed) error {
		if !p.isMergeOf(repository, branch, commit) {
			return nil
		}
		found = &p
		return errEnough
	})
	if found == nil {
		return nil, err
	}
	var verdicts scm.Verdicts
	for _, review := range append(found.Reviewers, found.Participants...) {
		if review.User != nil && review.Status == "APPROVED" {
			verdicts.Add(scm.Approval{Login: review.User.login(), ID: string(review.User.ID)}, review.Commit)
		}
	}
	return &scm.Merged{
		Head: found.From.Commit, At: time.UnixMilli(found.Closed).UTC(), Approvals: verdicts.Standing(found.From.Commit, string(found.Author.User.ID)),
	}, nil
}

// isMergeOf reports whether a pull request was merged into a branch as a commit.
func (p centerReviewed) isMergeOf(repository, branch, commit string) bool {
	return p.State == "MERGED" && p.Closed > 0 && p.Properties.Merge.ID == commit && p.From.Commit != "" && p.Author.User != nil &&
		p.To.Name == branch && p.To.Repository != nil && strings.EqualFold(p.To.Repository.path(), repository)
}

func (c *centerForge) filePath(repository, commit, file string) string {
	return c.repository(repository, "raw") + "/" + raw(file) + "?at=" + commit
}
