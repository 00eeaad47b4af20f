package bitbucket

import (
	"path"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/scm"
)

// cloud is the part that the Cloud's bodies share.
type cloud struct {
	Actor      *cloudUser      `json:"actor"`
	Repository cloudRepository `json:"repository"`
}

// cloudUser is a person or a program. Its nickname is whatever its owner likes
// and not unique, so only the account's id says who it is.
type cloudUser struct {
	AccountID string `json:"account_id"`
	UUID      string `json:"uuid"`
}

func (u *cloudUser) login() string {
	switch {
	case u == nil:
		return ""
	case u.AccountID != "":
		return scm.Name(u.AccountID)
	}
	return scm.Name(u.UUID)
}

type cloudRepository struct {
	FullName string `json:"full_name"`
}

func (c cloud) fill(e scm.Event) (scm.Event, error) {
	repository, err := scm.Repository(c.Repository.FullName)
	if err != nil {
		return scm.Event{}, err
	}
	e.Repository, e.Actor = repository, c.Actor.login()
	e.ActorID = e.Actor // which is an id already
	return e, nil
}

// cloudRef is one side of a change; null is none.
type cloudRef struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Target struct {
		Hash string `json:"hash"`
	} `json:"target"`
}

type cloudChange struct {
	Old    *cloudRef `json:"old"`
	New    *cloudRef `json:"new"`
	Forced bool      `json:"forced"`
}

func parseCloudPush(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		cloud
		Push struct {
			Changes []cloudChange `json:"changes"`
		} `json:"push"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := hook.fill(e)
	if err != nil {
		return scm.Event{}, err
	}
	var moves []scm.Move
	for _, change := range hook.Push.Changes {
		move, err := change.move(e.Name)
		if err != nil {
			return scm.Event{}, err
		}
		moves = append(moves, move)
	}
	return moved(e, moves)
}

func (c cloudChange) move(event string) (scm.Move, error) {
	named := c.New
	if named == nil {
		named = c.Old
	}
	if named == nil {
		return scm.Move{}, scm.Incomplete(event, "old or new in each change")
	}
	move := scm.Move{Ref: scm.Branch(named.Name), Forced: c.Forced}
	switch named.Type {
	case "branch", "named_branch":
	case "tag", "annotated_tag":
		move.Ref = scm.Tag(named.Name)
	default:
		move.Ref = "refs/other/" + named.Name // a Mercurial bookmark once was one
	}
	move.Before, move.After = c.Old.commit(), c.New.commit()
	if c.Old != nil && move.Before == "" || c.New != nil && move.After == "" {
		return scm.Move{}, scm.Incomplete(event, "the commit of each side")
	}
	return move, nil
}

func (r *cloudRef) commit() string {
	if r == nil {
		return ""
	}
	return r.Target.Hash
}

type cloudPullRequest struct {
	ID          int64      `json:"id"`
	State       string     `json:"state"`
	Draft       bool       `json:"draft"`
	Author      *cloudUser `json:"author"`
	Source      cloudSide  `json:"source"`
	Destination cloudSide  `json:"destination"`
}

type cloudSide struct {
	Branch struct {
		Name string `json:"name"`
	} `json:"branch"`
	Commit struct {
		Hash string `json:"hash"` // only the first digits
	} `json:"commit"`
	Repository *cloudRepository `json:"repository"` // null when it was deleted
}

// cloudAction translates the names of the Cloud's events; empty when no
// preview depends on one.
func cloudAction(event string) scm.Action {
	switch event {
	case "pullrequest:created":
		return scm.ActionOpened
	case "pullrequest:updated": // its commits, its destination or its text
		return scm.ActionUpdated
	case "pullrequest:fulfilled", "pullrequest:rejected":
		return scm.ActionClosed
	case "pullrequest:approved", "pullrequest:unapproved", "pullrequest:changes_request_created", "pullrequest:changes_request_removed":
		return scm.ActionReviewed
	}
	return ""
}

func parseCloudPullRequest(e scm.Event, body []byte, action scm.Action) (scm.Event, error) {
	var hook struct {
		cloud
		PullRequest cloudPullRequest `json:"pullrequest"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := hook.fill(e)
	if err != nil {
		return scm.Event{}, err
	}
	request, err := hook.PullRequest.neutral(e)
	if err != nil {
		return scm.Event{}, err
	}
	request.Action = action
	e.Kind, e.After, e.PullRequest = scm.KindPullRequest, request.Head.Commit, &request
	return e, nil
}

func (p cloudPullRequest) neutral(e scm.Event) (scm.PullRequest, error) {
	if p.ID <= 0 || p.Source.Branch.Name == "" || p.Destination.Branch.Name == "" {
		return scm.PullRequest{}, scm.Incomplete(e.Name, "the pull request's id and branches")
	}
	head, err := p.Source.neutral()
	if err != nil {
		return scm.PullRequest{}, err
	}
	base, err := p.Destination.neutral()
	if err != nil {
		return scm.PullRequest{}, err
	}
	return scm.PullRequest{
		Number: p.ID, Head: head, Base: base, Author: p.Author.login(), Fork: scm.Fork(head, e.Repository),
		Draft: p.Draft, Merged: p.State == "MERGED",
	}, nil
}

// neutral leaves a shortened commit out: it may stand for several commits.
func (s cloudSide) neutral() (scm.Side, error) {
	commit, err := scm.Commit(s.Commit.Hash)
	if err != nil {
		commit = ""
	}
	if s.Repository == nil {
		return scm.NewSide(nil, s.Branch.Name, commit)
	}
	return scm.NewSide(&s.Repository.FullName, s.Branch.Name, commit)
}

func parseCloudComment(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		cloud
		PullRequest cloudPullRequest `json:"pullrequest"`
		Comment     struct {
			ID      int64 `json:"id"`
			Content struct {
				Raw string `json:"raw"`
			} `json:"content"`
			Created scm.Time `json:"created_on"`
		} `json:"comment"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := hook.fill(e)
	if err != nil {
		return scm.Event{}, err
	}
	request, err := hook.PullRequest.neutral(e)
	if err != nil {
		return scm.Event{}, err
	}
	e.After = request.Head.Commit
	return scm.Commented(e, request, scm.PostedComment{ID: strconv.FormatInt(hook.Comment.ID, 10), Body: hook.Comment.Content.Raw, Written: hook.Comment.Created.Time})
}

func parseCloudStatus(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		cloud
		Status struct {
			Key   string `json:"key"`
			State string `json:"state"`
			Links struct {
				Commit struct {
					Href string `json:"href"`
				} `json:"commit"`
			} `json:"links"`
		} `json:"commit_status"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := hook.fill(e)
	if err != nil {
		return scm.Event{}, err
	}
	commit := path.Base(strings.TrimRight(hook.Status.Links.Commit.Href, "/"))
	return scm.Checked(e, commit, hook.Status.Key, stateOf(hook.Status.State))
}
