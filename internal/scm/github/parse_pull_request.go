package github

import (
	"strconv"

	"github.com/slipway-dev/slipway/internal/scm"
)

type pullRequest struct {
	Number int64   `json:"number"`
	Draft  bool    `json:"draft"`
	Merged bool    `json:"merged"`
	User   *user   `json:"user"`
	Head   side    `json:"head"`
	Base   side    `json:"base"`
	Labels []label `json:"labels"`
}

type side struct {
	Ref  string      `json:"ref"`
	SHA  string      `json:"sha"`
	Repo *repository `json:"repo"`
}

type label struct {
	Name string `json:"name"`
}

// changes holds what an edit replaced; only the base is of interest.
type changes struct {
	Base *struct{} `json:"base"`
}

func parsePullRequest(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		about
		PullRequest *pullRequest `json:"pull_request"`
		Changes     changes      `json:"changes"`
	}
	e, err := begin(e, body, &hook, &hook.about)
	if err != nil {
		return scm.Event{}, err
	}
	action, matters := actionOf(hook.Action, hook.Changes)
	if !matters {
		return scm.Ignored(e.Name, e.Delivery, "such a change of a pull request changes no preview"), nil
	}
	return hook.PullRequest.apply(e, action)
}

// parseReview reads reviews, since approvals may be what a stage waits for.
func parseReview(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		about
		PullRequest *pullRequest `json:"pull_request"`
	}
	e, err := begin(e, body, &hook, &hook.about)
	if err != nil {
		return scm.Event{}, err
	}
	if hook.Action != "submitted" && hook.Action != "dismissed" {
		return scm.Ignored(e.Name, e.Delivery, "an edited review approves nothing new"), nil
	}
	return hook.PullRequest.apply(e, scm.ActionReviewed)
}

// actionOf translates GitHub's action; false when no preview depends on it.
func actionOf(action string, changed changes) (scm.Action, bool) {
	switch action {
	case "opened":
		return scm.ActionOpened, true
	case "synchronize":
		return scm.ActionUpdated, true
	case "reopened":
		return scm.ActionReopened, true
	case "closed":
		return scm.ActionClosed, true
	case "labeled", "unlabeled":
		return scm.ActionLabeled, true
	case "converted_to_draft":
		return scm.ActionDrafted, true
	case "ready_for_review":
		return scm.ActionReady, true
	case "edited":
		return scm.ActionRetargeted, changed.Base != nil
	}
	return "", false
}

// apply makes the event one about the pull request.
func (p *pullRequest) apply(e scm.Event, action scm.Action) (scm.Event, error) {
	if p == nil || p.Number <= 0 {
		return scm.Event{}, scm.Incomplete(e.Name, "pull_request.number")
	}
	head, err := p.Head.neutral()
	if err != nil {
		return scm.Event{}, err
	}
	base, err := p.Base.neutral()
	if err != nil {
		return scm.Event{}, err
	}
	e.Kind, e.After = scm.KindPullRequest, head.Commit
	e.PullRequest = &scm.PullRequest{
		Number: p.Number, Action: action, Head: head, Base: base, Author: p.User.login(),
		Fork: scm.Fork(head, e.Repository), Draft: p.Draft, Merged: p.Merged, Labels: names(p.Labels),
	}
	return e, nil
}

func names(labels []label) []string {
	var names []string
	for _, l := range labels {
		names = append(names, l.Name)
	}
	return scm.Labels(names)
}

func (s side) neutral() (scm.Side, error) {
	ref, err := scm.BranchRef(s.Ref)
	if err != nil {
		return scm.Side{}, err
	}
	commit, err := scm.Commit(s.SHA)
	if err != nil {
		return scm.Side{}, err
	}
	neutral := scm.Side{Ref: ref, Commit: commit}
	if s.Repo != nil {
		path, err := scm.Repository(s.Repo.FullName)
		if err != nil {
			return scm.Side{}, err
		}
		neutral.Repository = &path
	}
	return neutral, nil
}

func parseComment(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		about
		Issue struct {
			Number      int64     `json:"number"`
			User        *user     `json:"user"`
			Draft       bool      `json:"draft"`
			Labels      []label   `json:"labels"`
			PullRequest *struct{} `json:"pull_request"`
		} `json:"issue"`
		Comment struct {
			ID   int64  `json:"id"`
			Body string `json:"body"`
		} `json:"comment"`
	}
	e, err := begin(e, body, &hook, &hook.about)
	if err != nil {
		return scm.Event{}, err
	}
	switch {
	case hook.Issue.PullRequest == nil:
		return scm.Ignored(e.Name, e.Delivery, "only comments under pull requests are read, this is under an issue"), nil
	case hook.Action != "created":
		return scm.Ignored(e.Name, e.Delivery, "only new comments are read; write another one"), nil
	case scm.OwnComment(hook.Comment.Body):
		return scm.Ignored(e.Name, e.Delivery, "this is Slipway's own comment"), nil
	case hook.Issue.Number <= 0:
		return scm.Event{}, scm.Incomplete(e.Name, "issue.number")
	}
	e.Kind = scm.KindComment
	e.Comment = &scm.Comment{ID: strconv.FormatInt(hook.Comment.ID, 10), Body: scm.Body(hook.Comment.Body)}
	e.PullRequest = &scm.PullRequest{
		Number: hook.Issue.Number, Action: scm.ActionCommented, Author: hook.Issue.User.login(),
		Draft: hook.Issue.Draft, Labels: names(hook.Issue.Labels),
	}
	return e, nil
}
