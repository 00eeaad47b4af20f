package ready

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/printable"
)

// settleTime gathers what watches report at the same moment.
const settleTime = 15 * time.Millisecond

// Wait waits until every target is ready and returns how far each service is.
// It returns a *NotReadyError as soon as it is certain that one of them will
// not be, and the context's cause when ctx ends first, as a newer commit's
// release makes it.
func (c *Clients) Wait(ctx context.Context, targets []Target, options Options) ([]ServiceState, error) {
	w, err := c.newWaiter(ctx, targets, options)
	if err != nil {
		return nil, err
	}
	defer w.close()
	if w.evaluate(time.Now()); w.allDone() {
		w.report()
		return w.states(), nil
	}
	w.follow(ctx)
	for {
		if err := w.verdict(ctx, time.Now()); err != nil {
			return w.states(), err
		}
		w.report()
		if w.allDone() {
			return w.states(), nil
		}
		if err := w.pause(ctx); err != nil {
			return w.states(), err
		}
		w.evaluate(time.Now())
	}
}

// pause waits for a change or for the next moment at which time alone decides.
func (w *waiter) pause(ctx context.Context) error {
	timer := time.NewTimer(max(time.Until(w.nextDecision()), settleTime))
	defer timer.Stop()
	select {
	case <-w.signal:
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-time.After(settleTime):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// verdict returns the error of a service that can't become ready any more.
func (w *waiter) verdict(ctx context.Context, now time.Time) error {
	for _, t := range w.targets {
		if t.done || t.Left {
			continue
		}
		late := now.Sub(w.began) >= w.options.deadline(t.Service)
		found := t.found
		if !late && (t.failed == "" && (found == nil || found.Grace == cause.Never || now.Sub(t.since) < found.Grace)) {
			continue
		}
		return &NotReadyError{Service: t.Service, Cause: w.conclude(ctx, t, late)}
	}
	return nil
}

// conclude returns the cause of a failed service, with the last lines of its
// log.
func (w *waiter) conclude(ctx context.Context, t *target, late bool) cause.Cause {
	if t.found == nil {
		c := cause.Cause{Code: cause.NotReady, Object: t.Ref.String()}
		switch {
		case t.failed != "":
			c.Sentence = fmt.Sprintf("%s can't become ready: %s", t.Ref, printable.Excerpt(t.failed, refusal.MaxWords))
		default:
			c.Sentence = fmt.Sprintf("%s is not ready after %s: %s; see its pods, or give the service a longer deadline", t.Ref, w.options.deadline(t.Service), w.progress(t))
		}
		return c
	}
	c := *t.found
	if c.Log != nil && c.Detail == "" {
		c.Detail = w.clients.lastLines(ctx, w.options.Namespace, *c.Log)
	}
	if late {
		c.Sentence = fmt.Sprintf("%s is not ready after %s: %s", t.Ref, w.options.deadline(t.Service), c.Sentence)
	}
	return c
}

func (w *waiter) progress(t *target) string {
	if t.message == "" {
		return fmt.Sprintf("%d of %d replicas are ready", t.ready, t.wanted)
	}
	return fmt.Sprintf("%d of %d replicas are ready (%s)", t.ready, t.wanted, printable.Excerpt(t.message, 200))
}

// nextDecision returns when time alone changes the verdict.
func (w *waiter) nextDecision() time.Time {
	next := w.began.Add(24 * time.Hour)
	for _, t := range w.targets {
		if t.done || t.Left {
			continue
		}
		if at := w.began.Add(w.options.deadline(t.Service)); at.Before(next) {
			next = at
		}
		if t.current && t.settles.Before(next) {
			next = t.settles
		}
		if t.found != nil && t.found.Grace >= 0 {
			if at := t.since.Add(t.found.Grace); at.Before(next) {
				next = at
			}
		}
	}
	return next
}

func (w *waiter) allDone() bool {
	return !slices.ContainsFunc(w.targets, func(t *target) bool { return !t.done && !t.Left })
}
