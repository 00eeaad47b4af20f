package compose

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// ports opens the container's ports to the stage; the first is the one that
// routes lead to.
func (e *expansion) ports(name string, from service, in *workload.Input) {
	for i, port := range from.Ports {
		if at := e.key(name, "ports", strconv.Itoa(i)); port.Target == 0 || port.Target > math.MaxUint16 {
			e.Refuse(at, "%d is no port; use one from 1 to 65535", port.Target)
		} else if !open(in, int32(port.Target), port.Protocol) {
			e.Warn(at, "port %d is %s, and only TCP and UDP ports are opened; it is left out", port.Target, port.Protocol)
		}
	}
	for i, text := range from.Expose {
		number, protocol, _ := strings.Cut(text, "/")
		first, last, ranged := strings.Cut(number, "-")
		if !ranged {
			last = first
		}
		low, err1 := strconv.ParseUint(first, 10, 16)
		high, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || low == 0 || high < low || high-low > 1000 {
			e.Refuse(e.key(name, "expose", strconv.Itoa(i)), "%s is no port; write a number from 1 to 65535", tree.Quote(text))
			continue
		}
		for port := low; port <= high; port++ {
			open(in, int32(port), protocol)
		}
	}
}

// open adds a port, and reports whether there are ports of its protocol.
func open(in *workload.Input, port int32, protocol string) bool {
	switch {
	case protocol == "udp":
		if !slices.Contains(in.UDP, port) {
			in.UDP = append(in.UDP, port)
		}
		return true
	case protocol != "" && protocol != "tcp":
		return false
	case in.Service.Port == 0:
		in.Service.Port = port
	default:
		also(in, port)
	}
	return true
}

// also adds a port that nothing is said about but that it is used.
func also(in *workload.Input, port int32) {
	if port == in.Service.Port {
		return
	}
	if in.Service.Ports == nil {
		in.Service.Ports = map[string]int32{}
	}
	in.Service.Ports["port-"+strconv.Itoa(int(port))] = port
}

// reach makes every service reachable by its names. In Compose that is on
// every port. A Kubernetes Service with an address of its own has a list of
// ports; a headless one leads to all. The latter is what a service gets whose
// ports are not known: it declares none, or others name it without one.
func (e *expansion) reach() {
	e.furtherNames()
	for _, name := range e.taken {
		in := e.inputs[name]
		if in.Once != nil {
			continue
		}
		declared := in.Service.Port != 0 || len(in.UDP) > 0
		for _, port := range e.builds[name].exposed {
			declared = true
			also(in, port)
		}
		if !declared {
			in.Headless = true
			continue
		}
		for _, called := range append([]string{in.Name}, in.Names...) {
			for _, port := range e.portsNamed(called) {
				also(in, port)
			}
			in.Headless = in.Headless || len(in.Service.Routes) == 0 && e.namedAlone(name, called)
		}
	}
}

// portsNamed returns the ports that the files name together with a service:
// db:5432.
func (e *expansion) portsNamed(called string) []int32 {
	pattern := regexp.MustCompile(`(?:^|[^A-Za-z0-9_.-])` + regexp.QuoteMeta(called) + `:([0-9]{1,5})(?:$|[^0-9])`)
	var ports []int32
	for _, text := range e.allTexts() {
		for _, found := range pattern.FindAllStringSubmatch(text, 20) {
			if port, err := strconv.ParseUint(found[1], 10, 16); err == nil && port > 0 {
				ports = append(ports, int32(port))
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// allTexts returns everything in which services may name each other.
func (e *expansion) allTexts() []string {
	var all []string
	for _, name := range e.taken {
		in := e.inputs[name]
		all = slices.Concat(all, in.Service.Command, in.Service.Args)
		for _, value := range in.Service.Env {
			all = append(all, value)
		}
		for _, text := range in.Files {
			all = append(all, text)
		}
		for _, files := range in.Directories {
			for _, text := range files {
				all = append(all, text)
			}
		}
	}
	return all
}

// hostVariable is the name of a variable that holds a host.
var hostVariable = regexp.MustCompile(`(?i)HOST|SERVER|ADDR|UR[IL]|ENDPOINT|BROKER`)

// namedAlone reports whether another service's environment names a service as
// a host without a port.
func (e *expansion) namedAlone(service, called string) bool {
	inURL := regexp.MustCompile(`(?://|@)` + regexp.QuoteMeta(called) + `(?:$|[/?])`)
	for _, other := range e.taken {
		if other == service {
			continue
		}
		for variable, value := range e.inputs[other].Service.Env {
			if value == called && hostVariable.MatchString(variable) || inURL.MatchString(value) {
				return true
			}
		}
	}
	return false
}

// routes reads what Compose has no key for.
func (e *expansion) routes(name string, from service, in *workload.Input) {
	extension, given := from.Extensions["x-slipway"]
	if !given {
		return
	}
	at := e.key(name, "x-slipway")
	var settings struct {
		Routes []project.Route `json:"routes"`
	}
	if err := decodeExtension(extension, &settings); err != nil {
		e.Refuse(at, "%s; it has routes only, as in slipway.yaml", brief(err))
		return
	}
	if len(settings.Routes) > 0 && in.Service.Port == 0 {
		e.Refuse(at, "it has routes but no TCP port; add one to ports or expose")
	}
	in.Service.Routes = settings.Routes
}

// adviseRoutes proposes routes where services publish ports and none has a
// route: here, nothing is reached from outside otherwise.
func (e *expansion) adviseRoutes() {
	var published []string
	var first tree.Place
	for _, name := range e.taken {
		in := e.inputs[name]
		if len(in.Service.Routes) > 0 {
			return
		}
		for i, port := range e.Project.Services[name].Ports {
			if port.Published != "" && port.Protocol != "udp" {
				if len(published) == 0 {
					first = e.key(name, "ports", strconv.Itoa(i))
				}
				published = append(published, name+" ("+strconv.Itoa(int(port.Target))+")")
				break
			}
		}
	}
	if len(published) > 0 {
		e.Warn(first, "no machine publishes ports here, and no service has routes: nothing outside the stage reaches %s; add x-slipway: {routes: [{path: /}]} to the service that people open", strings.Join(published, ", "))
	}
}
