package bitbucket

import (
	"net/http"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Parse reads a verified delivery.
func (Driver) Parse(h http.Header, body []byte) (scm.Event, error) {
	id := headerCenterID
	if len(h.Values(headerCloudID)) > 0 {
		id = headerCloudID
	}
	e, err := scm.Begin(h, headerEvent, id)
	if err != nil {
		return scm.Event{}, err
	}
	switch e.Name {
	case "repo:push":
		return parseCloudPush(e, body)
	case "repo:commit_status_created", "repo:commit_status_updated":
		return parseCloudStatus(e, body)
	case "pullrequest:comment_created":
		return parseCloudComment(e, body)
	case "repo:refs_changed":
		return parseCenterPush(e, body)
	case "pr:comment:added":
		return parseCenterComment(e, body)
	case "diagnostics:ping":
		e.Kind = scm.KindPing
		return e, nil
	}
	if action := cloudAction(e.Name); action != "" {
		return parseCloudPullRequest(e, body, action)
	}
	if action := centerAction(e.Name); action != "" {
		return parseCenterPullRequest(e, body, action)
	}
	return scm.Ignored(e.Name, e.Delivery, "no stage depends on events of this kind; the hook need not send them"), nil
}

// moved returns the event of the first ref that moved, with those of the
// others. Refs that can't become stages are left out.
func moved(e scm.Event, moves []scm.Move) (scm.Event, error) {
	if len(moves) == 0 {
		return scm.Event{}, scm.Incomplete(e.Name, "at least one change")
	}
	var events []scm.Event
	var ignored scm.Event
	for i, move := range moves {
		event, err := move.Apply(e)
		switch {
		case err != nil:
			return scm.Event{}, err
		case event.Kind == scm.KindIgnored:
			ignored = event
		case i < scm.MaxMoves:
			events = append(events, event)
		}
	}
	if len(events) == 0 {
		return ignored, nil
	}
	first := events[0]
	first.Also = events[1:]
	return first, nil
}
