package gitea

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
	case "pull_request_approved", "pull_request_rejected":
		return hub.ParsePullRequest(e, body, reviewOf)
	case "issue_comment":
		return hub.ParseComment(e, body)
	case "status":
		return hub.ParseStatus(e, body)
	}
	return scm.Ignored(e.Name, e.Delivery, "no stage depends on events of this kind; the hook need not send them"), nil
}

// actionOf translates Gitea's action; empty when no preview depends on it.
func actionOf(hook hub.Event) scm.Action {
	switch hook.Action {
	case "opened":
		return scm.ActionOpened
	case "synchronized":
		return scm.ActionUpdated
	case "reopened":
		return scm.ActionReopened
	case "closed":
		return scm.ActionClosed
	case "label_updated", "label_cleared":
		return scm.ActionLabeled
	case "edited":
		return editOf(hook)
	}
	return ""
}

// editOf returns whether an edit changed the base, or made the pull request a
// draft or ready: Gitea marks drafts by a prefix of the title.
func editOf(hook hub.Event) scm.Action {
	switch {
	case hook.Changes.Ref != nil:
		return scm.ActionRetargeted
	case hook.Changes.Title == nil || hook.PullRequest == nil:
		return ""
	case hook.PullRequest.Draft:
		return scm.ActionDrafted
	}
	return scm.ActionReady
}

func reviewOf(hub.Event) scm.Action { return scm.ActionReviewed }
