package apply

import (
	"errors"
	"slices"

	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// One refused object does not keep the objects of other services from being applied.
// The services that refused objects belong to are left as they are, with all of
// their objects, and so are those that wait for their Jobs.

// withhold takes the services of refused objects out of the work. It returns an error
// when that can't be: an object belongs to no service, every service is refused, or
// another try may help.
func (r *run) withhold(problems []refused) error {
	if len(problems) == 0 {
		return nil
	}
	byService := map[string][]error{}
	all := make([]error, 0, len(problems))
	separable := true
	for _, problem := range problems {
		service := problem.change.service()
		var object *refusal.ObjectError
		separable = separable && service != "" && errors.As(problem.err, &object) && object.Code != fault.Unavailable
		byService[service] = append(byService[service], problem.err)
		all = append(all, problem.err)
	}
	if !separable || r.repair != nil {
		return refusal.Join(all)
	}
	waiting := r.waitingFor(byService)
	isWithheld := func(c *change) bool { return byService[c.service()] != nil || waiting[c.service()] != "" }
	if !slices.ContainsFunc(r.work.changes, func(c *change) bool { return c.service() != "" && !isWithheld(c) }) {
		return refusal.Join(all) // there is no other service to release
	}
	for _, c := range r.work.changes {
		if isWithheld(c) {
			r.work.withheld = append(r.work.withheld, c)
		}
	}
	r.work.changes = slices.DeleteFunc(r.work.changes, isWithheld)
	for _, problem := range problems {
		if !slices.Contains(r.work.withheld, problem.change) {
			r.work.withheld = append(r.work.withheld, problem.change)
		}
	}
	r.partial = refusal.NewPartial(byService, waiting, r.services())
	return nil
}

// waitingFor returns the services that wait, directly or not, for Jobs of refused
// ones, each with the one that it waits for.
func (r *run) waitingFor(refused map[string][]error) map[string]string {
	waiting := map[string]string{}
	for grown := true; grown; {
		grown = false
		for _, c := range r.work.changes {
			service := c.service()
			if service == "" || refused[service] != nil || waiting[service] != "" || c.document.Object == nil {
				continue
			}
			for _, other := range c.document.After() {
				if refused[other] != nil || waiting[other] != "" {
					waiting[service], grown = other, true
					break
				}
			}
		}
	}
	return waiting
}

// services returns the services that are applied, sorted.
func (r *run) services() []string {
	var services []string
	for _, c := range r.work.changes {
		if service := c.service(); service != "" && !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	slices.Sort(services)
	return services
}

// isLeft reports whether an object that no document wants any more stays, because its
// service is left as it is.
func (r *run) isLeft(service string) bool {
	return r.partial != nil && r.partial.Services[service] != ""
}
