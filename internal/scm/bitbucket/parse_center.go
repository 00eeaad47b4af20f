package bitbucket

import (
	"strconv"

	"github.com/slipway-dev/slipway/internal/scm"
)

// centerUser is a person or a program of the Data Center.
type centerUser struct {
	Name string `json:"name"`
	ID   scm.ID `json:"id"`
}

func (u *centerUser) login() string {
	if u == nil {
		return ""
	}
	return scm.Name(u.Name)
}

// centerRepository is known by its project's key and its slug.
type centerRepository struct {
	Slug    string `json:"slug"`
	Project struct {
		Key string `json:"key"`
	} `json:"project"`
}

func (r centerRepository) path() string { return r.Project.Key + "/" + r.Slug }

func center(e scm.Event, repository centerRepository, actor *centerUser) (scm.Event, error) {
	path, err := scm.Repository(repository.path())
	if err != nil {
		return scm.Event{}, err
	}
	e.Repository, e.Actor = path, actor.login()
	if actor != nil {
		e.ActorID = string(actor.ID)
	}
	return e, nil
}

func parseCenterPush(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		Actor      *centerUser      `json:"actor"`
		Repository centerRepository `json:"repository"`
		Changes    []struct {
			RefID string `json:"refId"`
			From  string `json:"fromHash"`
			To    string `json:"toHash"`
		} `json:"changes"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := center(e, hook.Repository, hook.Actor)
	if err != nil {
		return scm.Event{}, err
	}
	var moves []scm.Move
	for _, change := range hook.Changes {
		if change.From == "" || change.To == "" {
			return scm.Event{}, scm.Incomplete(e.Name, "fromHash and toHash in each change")
		}
		moves = append(moves, scm.Move{Ref: change.RefID, Before: change.From, After: change.To})
	}
	return moved(e, moves)
}

type centerPullRequest struct {
	ID     int64  `json:"id"`
	State  string `json:"state"`
	Draft  bool   `json:"draft"`
	Author struct {
		User *centerUser `json:"user"`
	} `json:"author"`
	From centerSide `json:"fromRef"`
	To   centerSide `json:"toRef"`
}

type centerSide struct {
	Name       string            `json:"displayId"`
	Commit     string            `json:"latestCommit"`
	Repository *centerRepository `json:"repository"`
}

// centerAction translates the names of the Data Center's events; empty when
// no preview depends on one.
func centerAction(event string) scm.Action {
	switch event {
	case "pr:opened":
		return scm.ActionOpened
	case "pr:from_ref_updated":
		return scm.ActionUpdated
	case "pr:modified": // its destination or its text
		return scm.ActionRetargeted
	case "pr:merged", "pr:declined", "pr:deleted":
		return scm.ActionClosed
	case "pr:reviewer:approved", "pr:reviewer:unapproved", "pr:reviewer:needs_work", "pr:reviewer:changes_requested":
		return scm.ActionReviewed
	}
	return ""
}

func parseCenterPullRequest(e scm.Event, body []byte, action scm.Action) (scm.Event, error) {
	var hook struct {
		Actor       *centerUser       `json:"actor"`
		PullRequest centerPullRequest `json:"pullRequest"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, request, err := hook.PullRequest.neutral(e, hook.Actor)
	if err != nil {
		return scm.Event{}, err
	}
	request.Action = action
	e.Kind, e.PullRequest = scm.KindPullRequest, &request
	return e, nil
}

// neutral returns the pull request and the event with what it says about the
// repository: the one that it is to be merged into.
func (p centerPullRequest) neutral(e scm.Event, actor *centerUser) (scm.Event, scm.PullRequest, error) {
	if p.ID <= 0 || p.From.Name == "" || p.To.Name == "" || p.To.Repository == nil {
		return scm.Event{}, scm.PullRequest{}, scm.Incomplete(e.Name, "the pull request's id, branches and repository")
	}
	e, err := center(e, *p.To.Repository, actor)
	if err != nil {
		return scm.Event{}, scm.PullRequest{}, err
	}
	head, err := p.From.neutral()
	if err != nil {
		return scm.Event{}, scm.PullRequest{}, err
	}
	base, err := p.To.neutral()
	if err != nil {
		return scm.Event{}, scm.PullRequest{}, err
	}
	e.After = head.Commit
	return e, scm.PullRequest{
		Number: p.ID, Head: head, Base: base, Author: p.Author.User.login(), Fork: scm.Fork(head, e.Repository),
		Draft: p.Draft, Merged: p.State == "MERGED",
	}, nil
}

func (s centerSide) neutral() (scm.Side, error) {
	if s.Repository == nil {
		return scm.NewSide(nil, s.Name, s.Commit)
	}
	path := s.Repository.path()
	return scm.NewSide(&path, s.Name, s.Commit)
}

func parseCenterComment(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		Actor       *centerUser       `json:"actor"`
		PullRequest centerPullRequest `json:"pullRequest"`
		Comment     struct {
			ID      int64    `json:"id"`
			Text    string   `json:"text"`
			Created scm.Time `json:"createdDate"`
		} `json:"comment"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, request, err := hook.PullRequest.neutral(e, hook.Actor)
	if err != nil {
		return scm.Event{}, err
	}
	return scm.Commented(e, request, scm.PostedComment{ID: strconv.FormatInt(hook.Comment.ID, 10), Body: hook.Comment.Text, Written: hook.Comment.Created.Time})
}
