package scm

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Begin starts an event with the forge's name for it and the delivery's id,
// each from a header that must be there exactly once.
func Begin(h http.Header, nameHeader, idHeader string) (Event, error) {
	names, ids := h.Values(nameHeader), h.Values(idHeader)
	if len(names) != 1 || names[0] == "" {
		return Event{}, fault.New(fault.Invalid, "%s must be there exactly once", nameHeader)
	}
	if len(ids) != 1 {
		return Event{}, fault.New(fault.Invalid, "%s must be there exactly once", idHeader)
	}
	id, err := DeliveryID(ids[0])
	if err != nil {
		return Event{}, err
	}
	return Event{Name: Name(names[0]), Delivery: id}, nil
}

// Incomplete is the error of a body that lacks what its event must have.
func Incomplete(event, field string) error {
	return fault.New(fault.Invalid, "the body of a %s event must have %s", Name(event), field)
}

// Named makes the event one about a ref whose commits the forge doesn't tell.
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
		return Ignored(e.Name, e.Delivery, "the check isn't finished; its end will tell"), nil
	}
	e.Kind, e.After, e.Check = KindCheck, commit, &Check{Name: Name(name), State: state}
	return e, nil
}

// Fork reports whether a pull request's head lies outside its base's
// repository. A head whose repository is gone can't be trusted more than one.
func Fork(head Side, base string) bool {
	return head.Repository == nil || !strings.EqualFold(*head.Repository, base)
}
