package refusal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Partial says which services of a set were left as they were, because objects of
// theirs are refused. The objects of all other services were applied.
type Partial struct {
	// Services says by service why it was left as it was.
	Services map[string]string
	// Applied are the other services, sorted.
	Applied []string

	failure *Failure
}

// NewPartial returns the error about refused objects by service; waiting are services
// that were left because they wait for another one, which is named.
func NewPartial(refused map[string][]error, waiting map[string]string, applied []string) *Partial {
	p := &Partial{Services: map[string]string{}, Applied: applied}
	var all []error
	for _, service := range slices.Sorted(maps.Keys(refused)) {
		var failure *Failure
		if errors.As(Join(refused[service]), &failure) {
			p.Services[service] = failure.Error()
		}
		all = append(all, refused[service]...)
	}
	for service, other := range waiting {
		p.Services[service] = "it waits for service " + other
	}
	_ = errors.As(Join(all), &p.failure)
	return p
}

// Error implements error.
func (p *Partial) Error() string {
	parts := make([]string, 0, len(p.Services)+1)
	for _, service := range slices.Sorted(maps.Keys(p.Services)) {
		parts = append(parts, fmt.Sprintf("service %s is left as it was: %s", service, p.Services[service]))
	}
	switch len(p.Applied) {
	case 0:
	case 1:
		parts = append(parts, "Service "+p.Applied[0]+" is released")
	default:
		parts = append(parts, "Services "+strings.Join(p.Applied, ", ")+" are released")
	}
	return strings.Join(parts, ". ")
}

// Unwrap returns the failure of the refused objects, in whose chain is the coded error
// that users may read.
func (p *Partial) Unwrap() []error {
	return []error{fault.New(p.failure.Objects[0].Code, "%s", p.Error()), p.failure}
}
