package ready

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
)

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

// states sums the targets up by service, sorted.
func (w *waiter) states() []ServiceState {
	sums := map[string]*ServiceState{}
	var names []string
	for _, t := range w.targets {
		sum := sums[t.Service]
		if sum == nil {
			sum = &ServiceState{Service: t.Service, Done: true}
			sums[t.Service] = sum
			names = append(names, t.Service)
		}
		sum.Ready += t.ready
		sum.Wanted += t.wanted
		sum.Done = sum.Done && t.done
		if sum.Cause == nil && !t.done && t.found != nil {
			found := *t.found
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
