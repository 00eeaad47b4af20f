package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Target is an object that a release waits for.
type Target struct {
	Ref
	// Service is the project's service the object belongs to; empty for none.
	Service string
}

// WaitOptions steer Wait.
type WaitOptions struct {
	// Namespace is where all targets are.
	Namespace string
	// Deadline is how long every service may take, zero for ten minutes.
	// Deadlines says otherwise by service.
	Deadline  time.Duration
	Deadlines map[string]time.Duration
	// Progress, if set, is called with all services whenever one of them
	// changed. It is called by Wait's own goroutine and must not block.
	Progress func([]ServiceState)
}

const defaultDeadline = 10 * time.Minute

func (o WaitOptions) deadline(service string) time.Duration {
	if d := o.Deadlines[service]; d > 0 {
		return d
	}
	if o.Deadline > 0 {
		return o.Deadline
	}
	return defaultDeadline
}

// ServiceState is how far one service is.
type ServiceState struct {
	// Service is empty for all objects that belong to none.
	Service string
	// Ready and Wanted count replicas.
	Ready  int32
	Wanted int32
	// Done is true once all of the service is ready.
	Done bool
	// Cause is why it is not, as far as is known; nil when nothing speaks
	// against it.
	Cause *cause.Cause
}

// NotReadyError is a service that did not become ready.
type NotReadyError struct {
	Service string
	Cause   cause.Cause
}

// Error implements error.
func (e *NotReadyError) Error() string { return e.Cause.Sentence }

// Unwrap returns the coded error that users may read.
func (e *NotReadyError) Unwrap() error { return fault.New(fault.Invalid, "%s", e.Cause.Sentence) }

// settleTime gathers what watches report at the same moment.
const settleTime = 15 * time.Millisecond

// wait waits until every target is ready and returns how far each service is.
// It returns a *NotReadyError as soon as it is certain that one of them will
// not be, and the context's cause when ctx ends first, as a newer commit's
// release makes it.
func (v *views) wait(ctx context.Context, targets []Target, options WaitOptions) ([]ServiceState, error) {
	s, err := v.newScene(ctx, targets, options)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if s.evaluate(time.Now()); s.allDone() {
		s.report()
		return s.states(), nil
	}
	s.follow(ctx)
	for {
		if err := s.verdict(ctx, time.Now()); err != nil {
			return s.states(), err
		}
		s.report()
		if s.allDone() {
			return s.states(), nil
		}
		if err := s.pause(ctx); err != nil {
			return s.states(), err
		}
		s.evaluate(time.Now())
	}
}

// pause waits for news or for the next moment at which time alone decides.
func (s *scene) pause(ctx context.Context) error {
	timer := time.NewTimer(max(time.Until(s.nextDecision()), settleTime))
	defer timer.Stop()
	select {
	case <-s.signal:
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
func (s *scene) verdict(ctx context.Context, now time.Time) error {
	for _, w := range s.watched {
		if w.done {
			continue
		}
		late := now.Sub(s.began) >= s.options.deadline(w.Service)
		found := w.found
		if !late && (w.failed == "" && (found == nil || found.Patience == cause.Never || now.Sub(w.since) < found.Patience)) {
			continue
		}
		return &NotReadyError{Service: w.Service, Cause: s.conclude(ctx, w, late)}
	}
	return nil
}

// conclude words the cause of a failed service, with the last lines of its
// log.
func (s *scene) conclude(ctx context.Context, w *watched, late bool) cause.Cause {
	if w.found == nil {
		c := cause.Cause{Code: cause.NotReady, Object: w.Ref.String()}
		switch {
		case w.failed != "":
			c.Sentence = fmt.Sprintf("%s can't become ready: %s", w.Ref, cause.Clip(w.failed, maxServerWords))
		default:
			c.Sentence = fmt.Sprintf("%s is not ready after %s: %s; see its pods, or give the service a longer deadline", w.Ref, s.options.deadline(w.Service), s.progress(w))
		}
		return c
	}
	c := *w.found
	if c.Log != nil && c.Detail == "" {
		c.Detail = s.view.lastLines(ctx, s.options.Namespace, *c.Log)
	}
	if late {
		c.Sentence = fmt.Sprintf("%s is not ready after %s: %s", w.Ref, s.options.deadline(w.Service), c.Sentence)
	}
	return c
}

func (s *scene) progress(w *watched) string {
	if w.message == "" {
		return fmt.Sprintf("%d of %d replicas are ready", w.ready, w.wanted)
	}
	return fmt.Sprintf("%d of %d replicas are ready (%s)", w.ready, w.wanted, cause.Clip(w.message, 200))
}

// nextDecision returns when time alone changes the verdict.
func (s *scene) nextDecision() time.Time {
	next := s.began.Add(24 * time.Hour)
	for _, w := range s.watched {
		if w.done {
			continue
		}
		if at := s.began.Add(s.options.deadline(w.Service)); at.Before(next) {
			next = at
		}
		if w.found != nil && w.found.Patience >= 0 {
			if at := w.since.Add(w.found.Patience); at.Before(next) {
				next = at
			}
		}
	}
	return next
}

func (s *scene) allDone() bool {
	return !slices.ContainsFunc(s.watched, func(w *watched) bool { return !w.done })
}

// states sums the targets up by service, sorted.
func (s *scene) states() []ServiceState {
	sums := map[string]*ServiceState{}
	var names []string
	for _, w := range s.watched {
		sum := sums[w.Service]
		if sum == nil {
			sum = &ServiceState{Service: w.Service, Done: true}
			sums[w.Service] = sum
			names = append(names, w.Service)
		}
		sum.Ready += w.ready
		sum.Wanted += w.wanted
		sum.Done = sum.Done && w.done
		if sum.Cause == nil && !w.done && w.found != nil {
			found := *w.found
			sum.Cause = &found
		}
	}
	slices.SortFunc(names, strings.Compare)
	states := make([]ServiceState, len(names))
	for at, name := range names {
		states[at] = *sums[name]
	}
	return states
}

// watchable reports whether objects of a kind take time to become ready.
func watchable(kind schema.GroupKind) bool {
	switch kind.Kind {
	case "ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "LimitRange", "ResourceQuota",
		"Service", "Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget", "CronJob", "CustomResourceDefinition",
		"PersistentVolumeClaim", "Endpoints":
		return false
	}
	return true
}
