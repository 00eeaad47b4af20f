package hub

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/scm"
)

// ParsePush reads a push of a branch or a tag.
func ParsePush(e scm.Event, body []byte) (scm.Event, error) {
	var push struct {
		About
		Ref    string `json:"ref"`
		Before string `json:"before"`
		After  string `json:"after"`
		Forced bool   `json:"forced"`
		Head   *struct {
			ID string `json:"id"`
		} `json:"head_commit"`
	}
	e, err := Begin(e, body, &push, &push.About)
	if err != nil {
		return scm.Event{}, err
	}
	if push.Before == "" || push.After == "" {
		return scm.Event{}, scm.Incomplete("push", "before and after")
	}
	if push.Head != nil && push.Head.ID != "" && strings.HasPrefix(push.Ref, scm.TagPrefix) {
		push.After = push.Head.ID // after is the annotated tag itself, this is its commit
	}
	return scm.Move{Ref: push.Ref, Before: push.Before, After: push.After, Forced: push.Forced}.Apply(e)
}

// ParseRef reads the creation or deletion of a ref. A push is sent for most of
// them as well, which knows the commits; this one may come alone.
func ParseRef(e scm.Event, body []byte) (scm.Event, error) {
	var change struct {
		About
		Ref     string `json:"ref"`
		RefType string `json:"ref_type"`
	}
	e, err := Begin(e, body, &change, &change.About)
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

// ParseStatus reads a status that somebody set on a commit.
func ParseStatus(e scm.Event, body []byte) (scm.Event, error) {
	var status struct {
		About
		SHA     string `json:"sha"`
		Context string `json:"context"`
		State   string `json:"state"`
	}
	e, err := Begin(e, body, &status, &status.About)
	if err != nil {
		return scm.Event{}, err
	}
	state := scm.StateError
	switch status.State {
	case "success":
		state = scm.StateSuccess
	case "failure":
		state = scm.StateFailure
	case "pending":
		state = scm.StatePending
	}
	return scm.Checked(e, status.SHA, status.Context, state)
}
