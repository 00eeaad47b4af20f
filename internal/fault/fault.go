package fault

import (
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/printable"
)

// Code says what kind of error it is.
type Code string

// The codes. Only Unavailable is worth a retry.
const (
	Invalid     Code = "invalid"     // the input is wrong; its author must change it
	NotFound    Code = "not_found"   // what was named does not exist
	Denied      Code = "denied"      // the caller may not do this
	Conflict    Code = "conflict"    // the present state forbids it
	Unavailable Code = "unavailable" // somebody else is down or slow; try again
	Internal    Code = "internal"    // our mistake
)

// Error is an error with a code and a sentence fit for users: what happened,
// to what, why, and what to do.
type Error struct {
	Code    Code
	Message string
	err     error
}

// New returns an error with a code and a formatted message for users.
func New(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: printable.Lines(fmt.Sprintf(format, args...))}
}

// Wrap returns an error with a code and a formatted message for users, whose
// cause is kept for logs. A nil cause gives nil.
func Wrap(code Code, cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{Code: code, Message: printable.Lines(fmt.Sprintf(format, args...)), err: cause}
}

// Error returns the message and the cause.
func (e *Error) Error() string {
	if e.err == nil {
		return e.Message
	}
	return e.Message + ": " + e.err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// CodeOf returns the code of the outermost coded error in err's chain,
// Internal when there is none, and empty for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Code
	}
	return Internal
}

// MessageOf returns what users may read of err: the outermost coded message,
// or a sentence that gives nothing away.
func MessageOf(err error) string {
	if err == nil {
		return ""
	}
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Message
	}
	return "an internal error stopped this; the server's log has the details"
}
