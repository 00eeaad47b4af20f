package scm

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Only returns the value of a header that must be there exactly once.
func Only(h http.Header, header string) (string, error) {
	values := h.Values(header)
	if len(values) != 1 || values[0] == "" {
		return "", fault.New(fault.Invalid, "%s must be present exactly once", header)
	}
	return values[0], nil
}

// Begin starts an event with the forge's name for it and the delivery's id,
// each from a header that must be there exactly once.
func Begin(h http.Header, nameHeader, idHeader string) (Event, error) {
	name, err := Only(h, nameHeader)
	if err != nil {
		return Event{}, err
	}
	id, err := Only(h, idHeader)
	if err != nil {
		return Event{}, err
	}
	if id, err = DeliveryID(id); err != nil {
		return Event{}, err
	}
	return Event{Name: Name(name), Delivery: id}, nil
}

// Incomplete is the error of a body that lacks what its event must have.
func Incomplete(event, field string) error {
	return fault.New(fault.Invalid, "the body of a %s event must have %s", Name(event), field)
}

// Named makes the event one about a ref whose commits the forge doesn't report.
func Named(e Event, ref string, deleted bool) (Event, error) {
	if err := checkRef(ref); err != nil {
		return Event{}, err
	}
	e.Ref, e.Created, e.Deleted = ref, !deleted, deleted
	switch {
	case deleted:
		e.Kind = KindDelete
	case strings.HasPrefix(ref, TagPrefix):
		e.Kind = KindTag
	default:
		e.Kind = KindPush
	}
	return e, nil
}

// Checked makes the event one about a finished check of a commit. Slipway's
// own reports and checks that still run are ignored: neither opens a gate.
func Checked(e Event, commit, name string, state State) (Event, error) {
	commit, err := Commit(commit)
	if err != nil {
		return Event{}, err
	}
	switch {
	case commit == "" || name == "":
		return Event{}, Incomplete(e.Name, "a commit and the check's name")
	case Own(name):
		return Ignored(e.Name, e.Delivery, "this is Slipway's own report"), nil
	case state == StatePending:
		return Ignored(e.Name, e.Delivery, "the check is still running; its result is reported when it has finished"), nil
	}
	e.Kind, e.After, e.Check = KindCheck, commit, &Check{Name: Name(name), State: state}
	return e, nil
}

// Commented makes the event one about a new comment under a pull request.
// Slipway's own comments are ignored, and those of programs.
func Commented(e Event, under PullRequest, posted PostedComment) (Event, error) {
	if under.Number <= 0 {
		return Event{}, Incomplete(e.Name, "the number of its pull request")
	}
	if posted.ID == "" || posted.ID == "0" {
		return Event{}, Incomplete(e.Name, "the comment's id")
	}
	switch {
	case OwnComment(posted.Body):
		return Ignored(e.Name, e.Delivery, "this is Slipway's own comment"), nil
	case IsBot(e.Actor):
		return Ignored(e.Name, e.Delivery, "only people give commands; this comment is a program's"), nil
	}
	under.Action = ActionCommented
	posted.ID, posted.Body, posted.Written = Name(posted.ID), Body(posted.Body), posted.Written.UTC()
	e.Kind, e.PullRequest, e.Comment = KindComment, &under, &posted
	return e, nil
}

// NewSide returns a side of a pull request, checked: the repository is nil
// when it is gone, and an empty branch is unknown.
func NewSide(repository *string, branch, commit string) (Side, error) {
	var side Side
	var err error
	if branch != "" {
		if side.Ref, err = BranchRef(branch); err != nil {
			return Side{}, err
		}
	}
	if side.Commit, err = Commit(commit); err != nil {
		return Side{}, err
	}
	if repository != nil {
		path, err := Repository(*repository)
		if err != nil {
			return Side{}, err
		}
		side.Repository = &path
	}
	return side, nil
}

// Fork reports whether a pull request's head lies outside its base's
// repository. A head whose repository is gone can't be trusted more than one.
func Fork(head Side, base string) bool {
	return head.Repository == nil || !strings.EqualFold(*head.Repository, base)
}
