package refusal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

// ObjectError says why one object could not be applied.
type ObjectError struct {
	Ref    inventory.Ref
	Reason cause.Code
	Code   fault.Code
	// Fields are the field paths that the server named, never values.
	Fields []string
	// Words say what happened, in the server's words where they may be shown.
	Words string
	// Remedy says what to do.
	Remedy string

	err error
}

// Error implements error.
func (e *ObjectError) Error() string {
	if e.Remedy == "" {
		return fmt.Sprintf("%s: %s", e.Ref, e.Words)
	}
	return fmt.Sprintf("%s: %s; %s", e.Ref, e.Words, e.Remedy)
}

// Unwrap returns the server's answer, nil when it may hold a Secret's values.
func (e *ObjectError) Unwrap() error { return e.err }

// Failure lists the objects that could not be applied, sorted. It is in the
// chain of the error that Apply returns; its fault code is in its own chain.
type Failure struct {
	Objects []*ObjectError
}

// maxListed is how many objects a message names.
const maxListed = 5

// Error implements error.
func (f *Failure) Error() string {
	var lines []string
	for at, object := range f.Objects {
		if at == maxListed {
			lines = append(lines, fmt.Sprintf("and %d more", len(f.Objects)-at))
			break
		}
		lines = append(lines, object.Error())
	}
	return strings.Join(lines, ". ")
}

// Unwrap returns the coded error that users may read. The code is that of the
// first object: what can be retried comes last and so only counts when
// nothing else is wrong.
func (f *Failure) Unwrap() error {
	return fault.New(f.Objects[0].Code, "%s", f.Error())
}

// Cause returns the first object's cause, for a release's status.
func (f *Failure) Cause() cause.Cause {
	first := f.Objects[0]
	return cause.Cause{Code: first.Reason, Object: first.Ref.String(), Sentence: f.Error()}
}

// Join makes one Failure of the errors about a set's objects, nil when there
// are none. An error that is about no object is returned as it is.
func Join(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	failure := &Failure{}
	for _, problem := range problems {
		var object *ObjectError
		if !errors.As(problem, &object) {
			return problem
		}
		failure.Objects = append(failure.Objects, object)
	}
	slices.SortStableFunc(failure.Objects, func(a, b *ObjectError) int {
		if left, right := a.Code == fault.Unavailable, b.Code == fault.Unavailable; left != right {
			if left {
				return 1
			}
			return -1
		}
		return a.Ref.Compare(b.Ref)
	})
	return failure
}

// New returns an error about one object that does not come from an answer of
// the server.
func New(ref inventory.Ref, reason cause.Code, code fault.Code, words, remedy string) *ObjectError {
	return &ObjectError{Ref: ref, Reason: reason, Code: code, Words: words, Remedy: remedy}
}
