package github

import (
	"net/http"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/hub"
)

// Parse reads a verified delivery.
func (Driver) Parse(h http.Header, body []byte) (scm.Event, error) {
	e, err := scm.Begin(h, headerEvent, headerDelivery)
	if err != nil {
		return scm.Event{}, err
	}
	switch e.Name {
	case "push":
		return hub.ParsePush(e, body)
	case "create", "delete":
		return hub.ParseRef(e, body)
	case "pull_request":
		return hub.ParsePullRequest(e, body, actionOf)
	case "pull_request_review":
		return hub.ParsePullRequest(e, body, reviewOf)
	case "issue_comment":
		return hub.ParseComment(e, body)
	case "check_run":
		return parseCheckRun(e, body)
	case "check_suite":
		return parseCheckSuite(e, body)
	case "status":
		return hub.ParseStatus(e, body)
	case "installation", "installation_repositories":
		return parseInstallation(e, body)
	case "ping":
		return parsePing(e, body)
	}
	return scm.Ignored(e.Name, e.Delivery, "no stage depends on events of this kind; the hook need not send them"), nil
}

// actionOf translates GitHub's action; empty when no preview depends on it.
func actionOf(hook hub.Event) scm.Action {
	switch hook.Action {
	case "opened":
		return scm.ActionOpened
	case "synchronize":
		return scm.ActionUpdated
	case "reopened":
		return scm.ActionReopened
	case "closed":
		return scm.ActionClosed
	case "labeled", "unlabeled":
		return scm.ActionLabeled
	case "converted_to_draft":
		return scm.ActionDrafted
	case "ready_for_review":
		return scm.ActionReady
	case "edited":
		if hook.Changes.Base != nil {
			return scm.ActionRetargeted
		}
	}
	return ""
}

// reviewOf translates what happened to a review: approvals may be what a
// stage waits for, an edited text isn't.
func reviewOf(hook hub.Event) scm.Action {
	if hook.Action == "submitted" || hook.Action == "dismissed" {
		return scm.ActionReviewed
	}
	return ""
}

func parsePing(e scm.Event, body []byte) (scm.Event, error) {
	var ping hub.About
	if err := scm.Decode(body, &ping); err != nil {
		return scm.Event{}, err
	}
	e.Kind = scm.KindPing
	if ping.Repository == nil {
		return e, nil // an organization's hook
	}
	return ping.Fill(e)
}

func parseInstallation(e scm.Event, body []byte) (scm.Event, error) {
	var installation struct {
		Action              string           `json:"action"`
		Sender              *hub.User        `json:"sender"`
		Repositories        []hub.Repository `json:"repositories"`
		RepositoriesAdded   []hub.Repository `json:"repositories_added"`
		RepositoriesRemoved []hub.Repository `json:"repositories_removed"`
	}
	if err := scm.Decode(body, &installation); err != nil {
		return scm.Event{}, err
	}
	var paths []string
	for _, list := range [][]hub.Repository{installation.Repositories, installation.RepositoriesAdded, installation.RepositoriesRemoved} {
		for _, r := range list {
			paths = append(paths, r.FullName)
		}
	}
	e.Kind, e.Actor, e.ActorID = scm.KindInstallation, installation.Sender.Name(), installation.Sender.Account()
	e.Action, e.Repositories = scm.Name(installation.Action), scm.Paths(paths)
	return e, nil
}
