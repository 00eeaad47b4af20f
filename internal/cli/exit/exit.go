package exit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Exit codes of the program.
const (
	Fine     = 0
	Error    = 1
	Usage    = 2
	Findings = 3 // a check found something, or the answer is no
	NotLive  = 4 // a release failed, was rejected or overtaken
	Held     = 5 // a release waits for an approval
)

// usageError is an error in how a command was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// WrongUsage marks an error in how a command was called.
func WrongUsage(err error) error { return &usageError{err} }

// findingsError ends a check that found something; what was printed already
// says what.
type findingsError struct{ n int }

func (e *findingsError) Error() string { return fmt.Sprintf("%d findings", e.n) }

// Found ends a check that found n things, which are printed already.
func Found(n int) error { return &findingsError{n} }

// OutcomeError ends a command that was carried out, when the result is not the
// one that was hoped for: its exit code, and a message for people.
type OutcomeError struct {
	Code    int
	Message string
}

func (e *OutcomeError) Error() string { return e.Message }

// Ended ends a command that was carried out, when the result is not the one that
// was hoped for.
func Ended(code int, message string) error { return &OutcomeError{code, message} }

// Of returns the exit code for an error that a command ended with, and the message
// to print; empty when the command has printed it already.
func Of(err error) (code int, message string) {
	var usage *usageError
	var found *findingsError
	var outcome *OutcomeError
	switch {
	case err == nil:
		return Fine, ""
	case errors.As(err, &found):
		return Findings, ""
	case errors.As(err, &outcome):
		return outcome.Code, output.Printable(outcome.Message)
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown command"), strings.HasPrefix(err.Error(), "required flag"):
		return Usage, err.Error()
	}
	return Error, MessageOf(err)
}

// MessageOf shows coded errors by their message, others whole: who runs the
// command line may see what it did.
func MessageOf(err error) string {
	var coded *fault.Error
	if errors.As(err, &coded) {
		return coded.Message
	}
	return err.Error()
}
