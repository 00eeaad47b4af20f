package github

import (
	"net/http"

	"github.com/slipway-dev/slipway/internal/scm"
)

// parser reads the body of one kind of event into an event that has its name,
// delivery and nothing else yet.
type parser func(e scm.Event, body []byte) (scm.Event, error)

// Parse reads a verified delivery.
func (Driver) Parse(h http.Header, body []byte) (scm.Event, error) {
	e, err := scm.Begin(h, headerEvent, headerDelivery)
	if err != nil {
		return scm.Event{}, err
	}
	parse := parserOf(e.Name)
	if parse == nil {
		return scm.Ignored(e.Name, e.Delivery, "no stage depends on events of this kind; the hook may leave it out"), nil
	}
	return parse(e, body)
}

func parserOf(event string) parser {
	switch event {
	case "push":
		return parsePush
	case "create", "delete":
		return parseRef
	case "pull_request":
		return parsePullRequest
	case "pull_request_review":
		return parseReview
	case "issue_comment":
		return parseComment
	case "check_run":
		return parseCheckRun
	case "check_suite":
		return parseCheckSuite
	case "status":
		return parseStatus
	case "installation", "installation_repositories":
		return parseInstallation
	case "ping":
		return parsePing
	}
	return nil
}

// about is the part that most bodies share.
type about struct {
	Action     string      `json:"action"`
	Repository *repository `json:"repository"`
	Sender     *user       `json:"sender"`
}

type repository struct {
	FullName string `json:"full_name"`
}

type user struct {
	Login string `json:"login"`
}

func (u *user) login() string {
	if u == nil {
		return ""
	}
	return scm.Name(u.Login)
}

// fill puts the shared part into the event.
func (a about) fill(e scm.Event) (scm.Event, error) {
	var path string
	if a.Repository != nil {
		path = a.Repository.FullName
	}
	repository, err := scm.Repository(path)
	if err != nil {
		return scm.Event{}, err
	}
	e.Repository, e.Actor = repository, a.Sender.login()
	return e, nil
}

// begin decodes a body and fills in what it shares with the others.
func begin(e scm.Event, body []byte, v any, shared *about) (scm.Event, error) {
	if err := scm.Decode(body, v); err != nil {
		return scm.Event{}, err
	}
	return shared.fill(e)
}

func parsePush(e scm.Event, body []byte) (scm.Event, error) {
	var push struct {
		about
		Ref    string `json:"ref"`
		Before string `json:"before"`
		After  string `json:"after"`
		Forced bool   `json:"forced"`
	}
	e, err := begin(e, body, &push, &push.about)
	if err != nil {
		return scm.Event{}, err
	}
	if push.Before == "" || push.After == "" {
		return scm.Event{}, scm.Incomplete("push", "before and after")
	}
	return scm.Move{Ref: push.Ref, Before: push.Before, After: push.After, Forced: push.Forced}.Apply(e)
}

// parseRef reads the creation or deletion of a ref. GitHub sends a push for
// each as well, which knows the commits; this one comes alone when more than
// three refs move at once.
func parseRef(e scm.Event, body []byte) (scm.Event, error) {
	var change struct {
		about
		Ref     string `json:"ref"`
		RefType string `json:"ref_type"`
	}
	e, err := begin(e, body, &change, &change.about)
	if err != nil {
		return scm.Event{}, err
	}
	deleted := e.Name == "delete"
	switch change.RefType {
	case "branch":
		return scm.Named(e, scm.Branch(change.Ref), deleted)
	case "tag":
		return scm.Named(e, scm.Tag(change.Ref), deleted)
	}
	return scm.Ignored(e.Name, e.Delivery, "only branches and tags become stages"), nil
}

func parsePing(e scm.Event, body []byte) (scm.Event, error) {
	var ping about
	if err := scm.Decode(body, &ping); err != nil {
		return scm.Event{}, err
	}
	e.Kind = scm.KindPing
	if ping.Repository == nil {
		return e, nil
	}
	return ping.fill(e)
}

func parseInstallation(e scm.Event, body []byte) (scm.Event, error) {
	var installation struct {
		Action              string       `json:"action"`
		Sender              *user        `json:"sender"`
		Repositories        []repository `json:"repositories"`
		RepositoriesAdded   []repository `json:"repositories_added"`
		RepositoriesRemoved []repository `json:"repositories_removed"`
	}
	if err := scm.Decode(body, &installation); err != nil {
		return scm.Event{}, err
	}
	var paths []string
	for _, list := range [][]repository{installation.Repositories, installation.RepositoriesAdded, installation.RepositoriesRemoved} {
		for _, r := range list {
			paths = append(paths, r.FullName)
		}
	}
	e.Kind, e.Actor = scm.KindInstallation, installation.Sender.login()
	e.Action, e.Repositories = scm.Name(installation.Action), scm.Paths(paths)
	return e, nil
}
