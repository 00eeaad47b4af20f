package gitlab

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Parse reads a verified delivery.
func (Driver) Parse(h http.Header, body []byte) (scm.Event, error) {
	e, err := begin(h, body)
	if err != nil {
		return scm.Event{}, err
	}
	switch e.Name {
	case "Push Hook", "Tag Push Hook":
		return parsePush(e, body)
	case "Merge Request Hook":
		return parseMergeRequest(e, body)
	case "Note Hook":
		return parseNote(e, body)
	case "Pipeline Hook":
		return parsePipeline(e, body)
	case "Job Hook":
		return parseJob(e, body)
	}
	return scm.Ignored(e.Name, e.Delivery, "no stage depends on events of this kind; the hook need not send them"), nil
}

// begin starts an event. Where GitLab doesn't say which deliveries are the
// same, the event's id and the body do: the id alone is shared by all events
// that a hook of the first one causes.
func begin(h http.Header, body []byte) (scm.Event, error) {
	if len(h.Values(headerOnce)) > 0 {
		return scm.Begin(h, headerEvent, headerOnce)
	}
	e, err := scm.Begin(h, headerEvent, headerID)
	if err != nil {
		return scm.Event{}, err
	}
	sum := sha256.Sum256(body)
	e.Delivery, err = scm.DeliveryID(e.Delivery + "-" + hex.EncodeToString(sum[:8]))
	return e, err
}

// project is the repository that an event is about.
type project struct {
	Path string `json:"path_with_namespace"`
}

type user struct {
	Username string `json:"username"`
	ID       scm.ID `json:"id"`
}

// fillShared fills in what most bodies share.
func fillShared(e scm.Event, p project, actor user) (scm.Event, error) {
	path, err := scm.Repository(p.Path)
	if err != nil {
		return scm.Event{}, err
	}
	e.Repository, e.Actor, e.ActorID = path, scm.Name(actor.Username), string(actor.ID)
	return e, nil
}

func parsePush(e scm.Event, body []byte) (scm.Event, error) {
	var push struct {
		Ref      string  `json:"ref"`
		Before   string  `json:"before"`
		After    string  `json:"after"`
		Checkout string  `json:"checkout_sha"`
		Username string  `json:"user_username"`
		UserID   scm.ID  `json:"user_id"`
		Project  project `json:"project"`
	}
	if err := scm.Decode(body, &push); err != nil {
		return scm.Event{}, err
	}
	e, err := fillShared(e, push.Project, user{push.Username, push.UserID})
	if err != nil {
		return scm.Event{}, err
	}
	if push.Before == "" || push.After == "" {
		return scm.Event{}, scm.Incomplete(e.Name, "before and after")
	}
	if push.Checkout != "" && strings.HasPrefix(push.Ref, scm.TagPrefix) {
		push.After = push.Checkout // after is the annotated tag itself, this is its commit
	}
	return scm.Move{Ref: push.Ref, Before: push.Before, After: push.After}.Apply(e)
}
