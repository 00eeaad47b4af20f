package hub

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/scm"
)

// PullRequest is a pull request.
type PullRequest struct {
	Number int64   `json:"number"`
	Draft  bool    `json:"draft"`
	Merged bool    `json:"merged"`
	User   *User   `json:"user"`
	Head   Side    `json:"head"`
	Base   Side    `json:"base"`
	Labels []Label `json:"labels"`
}

// Side is one side of a pull request.
type Side struct {
	Ref  string      `json:"ref"`
	SHA  string      `json:"sha"`
	Repo *Repository `json:"repo"`
}

// Event is an event about a pull request.
type Event struct {
	About
	PullRequest *PullRequest `json:"pull_request"`
	Changes     struct {
		Base  *struct{} `json:"base"` // GitHub's way to say that the base changed
		Ref   *struct{} `json:"ref"`  // Gitea's
		Title *struct{} `json:"title"`
	} `json:"changes"`
}

// ParsePullRequest reads an event about a pull request. ActionOf translates
// the forge's word for what happened; empty when no preview depends on it.
func ParsePullRequest(e scm.Event, body []byte, actionOf func(Event) scm.Action) (scm.Event, error) {
	var hook Event
	e, err := Begin(e, body, &hook, &hook.About)
	if err != nil {
		return scm.Event{}, err
	}
	action := actionOf(hook)
	if action == "" {
		return scm.Ignored(e.Name, e.Delivery, "this change of a pull request affects no preview"), nil
	}
	return hook.PullRequest.apply(e, action)
}

// apply makes the event one about the pull request.
func (p *PullRequest) apply(e scm.Event, action scm.Action) (scm.Event, error) {
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
		Number: p.Number, Action: action, Head: head, Base: base, Author: p.User.Name(),
		Fork: scm.Fork(head, e.Repository), Draft: p.Draft, Merged: p.Merged, Labels: Names(p.Labels),
	}
	return e, nil
}

func (s Side) neutral() (scm.Side, error) {
	if s.Repo == nil && strings.HasPrefix(s.Ref, "refs/pull/") {
		return scm.NewSide(nil, "", s.SHA) // Gitea names no branch of a deleted repository
	}
	if s.Ref == "" {
		return scm.Side{}, scm.Incomplete("pull_request", "the branches of its head and base")
	}
	if s.Repo == nil {
		return scm.NewSide(nil, s.Ref, s.SHA)
	}
	return scm.NewSide(&s.Repo.FullName, s.Ref, s.SHA)
}

// ParseComment reads a comment under a pull request.
func ParseComment(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		About
		Issue struct {
			Number      int64     `json:"number"`
			User        *User     `json:"user"`
			Draft       bool      `json:"draft"`
			Labels      []Label   `json:"labels"`
			PullRequest *struct{} `json:"pull_request"`
		} `json:"issue"`
		Comment struct {
			ID      int64    `json:"id"`
			Body    string   `json:"body"`
			User    *User    `json:"user"`
			Created scm.Time `json:"created_at"`
		} `json:"comment"`
	}
	e, err := Begin(e, body, &hook, &hook.About)
	if err != nil {
		return scm.Event{}, err
	}
	switch {
	case hook.Issue.PullRequest == nil:
		return scm.Ignored(e.Name, e.Delivery, "only comments on pull requests are read; this one is on an issue"), nil
	case hook.Action != "created":
		return scm.Ignored(e.Name, e.Delivery, "only new comments are read; write a new one"), nil
	case hook.Sender != nil && hook.Sender.Type == "Bot", hook.Comment.User != nil && hook.Comment.User.Account() != e.ActorID:
		return scm.Ignored(e.Name, e.Delivery, "only people give commands, each their own; this comment is a program's, or another person's"), nil
	}
	request := scm.PullRequest{
		Number: hook.Issue.Number, Author: hook.Issue.User.Name(), Draft: hook.Issue.Draft, Labels: Names(hook.Issue.Labels),
	}
	return scm.Commented(e, request, scm.PostedComment{ID: strconv.FormatInt(hook.Comment.ID, 10), Body: hook.Comment.Body, Written: hook.Comment.Created.Time})
}
