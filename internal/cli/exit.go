package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Exit codes of the program.
const (
	ExitFine     = 0
	ExitError    = 1
	ExitUsage    = 2
	ExitFindings = 3 // a check found something, or the answer is no
	ExitNotLive  = 4 // a release failed, was rejected or overtaken
	ExitHeld     = 5 // a release waits for an approval
)

// usageError is an error in how a command was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// wrongUsage says that a command was called wrongly.
func wrongUsage(err error) error { return &usageError{err} }

// findingsError ends a check that found something; what was printed already
// says what.
type findingsError struct{ n int }

func (e *findingsError) Error() string { return fmt.Sprintf("%d findings", e.n) }

// findings ends a check that found n things, which are printed already.
func findings(n int) error { return &findingsError{n} }

// outcomeError ends a command that did what it was told to, when what came of
// it is not what was hoped for.
type outcomeError struct {
	code    int
	message string
}

func (e *outcomeError) Error() string { return e.message }

// ended ends a command that was done, with a code and a message of what came of
// it.
func ended(code int, message string) error { return &outcomeError{code, message} }

// exitCode returns the exit code that an error of a command stands for, and
// what is said of it; nothing where the command has said it already.
func exitCode(err error) (code int, message string) {
	var usage *usageError
	var found *findingsError
	var outcome *outcomeError
	switch {
	case err == nil:
		return ExitFine, ""
	case errors.As(err, &found):
		return ExitFindings, ""
	case errors.As(err, &outcome):
		return outcome.code, printable(outcome.message)
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"), strings.HasPrefix(err.Error(), "required flag"):
		return ExitUsage, err.Error()
	}
	return ExitError, messageOf(err)
}

// messageOf shows coded errors by their message, others whole: who runs the
// command line may see what it did.
func messageOf(err error) string {
	var coded *fault.Error
	if errors.As(err, &coded) {
		return coded.Message
	}
	return err.Error()
}
