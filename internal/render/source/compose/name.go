package compose

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// furtherName is a name besides its own that Compose gives a service.
type furtherName struct {
	service, name string
	at            tree.Place
}

// furtherNames gives services the names besides their own that Compose gives
// them, unless two services have one.
func (e *expansion) furtherNames() {
	var all []furtherName
	for _, name := range e.taken {
		all = append(all, e.namesOf(name)...)
		all = append(all, e.linked(name)...)
	}
	slices.SortStableFunc(all, func(a, b furtherName) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.name, b.name))
	})
	owners := map[string]string{}
	for service, name := range e.names {
		owners[name] = service
	}
	for _, n := range all {
		switch owner, taken := owners[n.name]; {
		case taken && owner == n.service:
		case taken:
			e.Warn(n.at, "the name %s is that of the service %s already; it is left out", tree.Quote(n.name), owner)
		case !stageName.MatchString(n.name):
			e.invalidName(n)
		default:
			owners[n.name] = n.service
			e.inputs[n.service].Names = append(e.inputs[n.service].Names, n.name)
		}
	}
}

// namesOf returns the names that a service gives itself.
func (e *expansion) namesOf(name string) []furtherName {
	from := e.Project.Services[name]
	var all []furtherName
	for _, network := range slices.Sorted(maps.Keys(from.Networks)) {
		if settings := from.Networks[network]; settings != nil {
			for _, alias := range settings.Aliases {
				all = append(all, furtherName{name, alias, e.key(name, "networks", network, "aliases")})
			}
		}
	}
	if from.ContainerName != "" {
		all = append(all, furtherName{name, from.ContainerName, e.key(name, "container_name")})
	}
	if from.Hostname != "" {
		all = append(all, furtherName{name, from.Hostname, e.key(name, "hostname")})
	}
	if from.Hostname != "" && from.Hostname != e.names[name] {
		e.Warn(e.key(name, "hostname"), "the container itself is called after its pod; others reach it by this name")
	}
	return all
}

// linked returns the names that a service gives others.
func (e *expansion) linked(name string) []furtherName {
	var all []furtherName
	for i, link := range e.Project.Services[name].Links {
		at := e.key(name, "links", strconv.Itoa(i))
		other, alias, found := strings.Cut(link, ":")
		if _, known := e.Project.Services[other]; !known {
			e.Refuse(at, "there is no service %s; correct the name", tree.Quote(other))
		} else if found && slices.Contains(e.taken, other) {
			all = append(all, furtherName{other, alias, at})
		}
	}
	return all
}

// invalidName says that Kubernetes can't have a name; it is an error when
// another service calls it.
func (e *expansion) invalidName(n furtherName) {
	for _, other := range e.taken {
		if other != n.service && mentions(e.Project.Services[other], n.name) {
			e.Refuse(n.at, "Kubernetes has no such name, and the service %s calls it; call it %s there", other, e.names[n.service])
			return
		}
	}
	e.Warn(n.at, "Kubernetes has no such name; it is left out: the service is reached as %s", e.names[n.service])
}
