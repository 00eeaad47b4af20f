package notify

import (
	"context"
	"errors"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Sink sends reports to one kind of place. It is safe for concurrent use. Every
// report may be repeated. A report that the destination has no place for is not
// an error. Errors are coded: unavailable is worth a retry, after
// scm.RetryAfter(err) when the place says how long; anything else isn't.
type Sink interface {
	// Release sends how a commit stands at a stage. Of one stage, reports come
	// one after the other, the newest last.
	Release(ctx context.Context, to Destination, r report.Release) error
	// Unchanged sends how stages stand at a commit that changes nothing there.
	Unchanged(ctx context.Context, to Destination, u report.Unchanged) error
	// FileCheck sends what was found in the project file of a commit.
	FileCheck(ctx context.Context, to Destination, c report.FileCheck) error
	// PullRequest sends how things stand with a pull request, in place of what
	// was sent for it before.
	PullRequest(ctx context.Context, to Destination, p report.PullRequest) error
	// Reaction acknowledges a comment that gave a command.
	Reaction(ctx context.Context, to Destination, a report.Reaction) error
}

// Destination is where the reports of a project go.
type Destination struct {
	Organization, Project string
	// Forge is that of the primary repository, which may also be a scm.Deployer,
	// scm.Annotator or scm.Reader; nil when the project has no credentials for it.
	Forge scm.Reporter
}

// Silent is embedded by sinks that don't send every kind of report.
type Silent struct{}

// Release sends nothing.
func (Silent) Release(context.Context, Destination, report.Release) error { return nil }

// Unchanged sends nothing.
func (Silent) Unchanged(context.Context, Destination, report.Unchanged) error { return nil }

// FileCheck sends nothing.
func (Silent) FileCheck(context.Context, Destination, report.FileCheck) error { return nil }

// PullRequest sends nothing.
func (Silent) PullRequest(context.Context, Destination, report.PullRequest) error { return nil }

// Reaction sends nothing.
func (Silent) Reaction(context.Context, Destination, report.Reaction) error { return nil }

// Sinks is a Sink that sends every report to each of them, in their order. One
// that refuses a report keeps it from no other; at one that is unavailable, or
// when the context ends, it stops, because everything is sent again.
type Sinks []Sink

// Release implements Sink.
func (s Sinks) Release(ctx context.Context, to Destination, r report.Release) error {
	return s.each(ctx, func(ctx context.Context, sink Sink) error { return sink.Release(ctx, to, r) })
}

// Unchanged implements Sink.
func (s Sinks) Unchanged(ctx context.Context, to Destination, u report.Unchanged) error {
	return s.each(ctx, func(ctx context.Context, sink Sink) error { return sink.Unchanged(ctx, to, u) })
}

// FileCheck implements Sink.
func (s Sinks) FileCheck(ctx context.Context, to Destination, c report.FileCheck) error {
	return s.each(ctx, func(ctx context.Context, sink Sink) error { return sink.FileCheck(ctx, to, c) })
}

// PullRequest implements Sink.
func (s Sinks) PullRequest(ctx context.Context, to Destination, p report.PullRequest) error {
	return s.each(ctx, func(ctx context.Context, sink Sink) error { return sink.PullRequest(ctx, to, p) })
}

// Reaction implements Sink.
func (s Sinks) Reaction(ctx context.Context, to Destination, a report.Reaction) error {
	return s.each(ctx, func(ctx context.Context, sink Sink) error { return sink.Reaction(ctx, to, a) })
}

func (s Sinks) each(ctx context.Context, send func(context.Context, Sink) error) error {
	var refused []error
	for _, sink := range s {
		exchange, end := scm.Exchange(ctx)
		err := send(exchange, sink)
		end()
		if Retryable(ctx, err) {
			return err
		}
		refused = append(refused, err)
	}
	return errors.Join(refused...)
}

// Retryable reports whether a report that ended with an error is worth another
// try.
func Retryable(ctx context.Context, err error) bool {
	return fault.CodeOf(err) == fault.Unavailable || err != nil && ctx.Err() != nil
}
