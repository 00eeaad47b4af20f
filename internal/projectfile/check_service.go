package projectfile

import (
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/slipway-dev/slipway/internal/project"
)

// services checks every service as it is written, and once more for each stage
// that overrides something of it.
func (c *checker) services() {
	services := c.root.get("services")
	if services == nil || services.kind != kindMap {
		return
	}
	for _, e := range services.entries {
		service, ok := c.file.Services[e.key]
		if !ok || e.value.kind != kindMap {
			continue
		}
		c.service(e.value.without("stages"), service)
		stages := e.value.get("stages")
		if stages == nil || stages.kind != kindMap {
			continue
		}
		for _, o := range stages.entries {
			if c.full() || !c.secondary && !c.stage(o.key, o.value.path()) {
				continue
			}
			if o.value.kind == kindMap && c.sameSource(service, o.value) {
				c.effective(forStage(e.value, o.key), o.key)
			}
		}
	}
}

// sameSource reports whether an override leaves the kind of the source alone
// and has only keys that may stand beside it.
func (c *checker) sameSource(service project.Service, override *node) bool {
	kind := string(service.Source())
	allowed := c.shapes["Service"].beside[kind]
	same := true
	for _, e := range override.entries {
		switch {
		case kind == "" || e.key == kind:
		case slices.Contains(sources(), e.key):
			same = false
			c.beyond(e.at, e.value.path(), "a stage can't change the source from "+kind+" to "+e.key, "declare a service of its own, or change only values of "+kind)
		case allowed != nil && !slices.Contains(allowed, e.key) && c.rules["Service."+e.key].help != "":
			same = false
			c.beyond(e.at, e.value.path(), "a service from "+kind+" can't have "+e.key, "say it in the source itself; allowed beside "+kind+": "+list(allowed))
		}
	}
	return same
}

// effective checks a service with a stage's override applied and reports what
// is wrong only there.
func (c *checker) effective(n *node, stage string) {
	var service project.Service
	inner := *c
	inner.report = newReport(c.report.file)
	decode(inner.report, c.grammar, n, &service)
	inner.service(n, service)
	c.addNew(inner.report, ` in the stage "`+stage+`"`)
}

func (c *checker) service(n *node, s project.Service) {
	if _, err := reference.ParseNormalizedNamed(s.Image); s.Image != "" && err != nil {
		c.on(n.get("image"), `"`+clip(s.Image)+`" is no image reference`, "write registry/name:tag, like redis:7.4")
	}
	if s.Build != nil {
		c.refOf(n.get("build").get("ref"))
	}
	c.ports(n, s)
	c.scale(n.get("scale"))
	c.amounts(n.get("resources"))
	c.volumes(n.get("volumes"), s.Volumes)
	c.routes(n.get("routes"), s.Routes)
	c.span(n.get("deadline"))
	c.security(n.get("security"), s.Security)
	if err := checkCron(s.Schedule); err != nil {
		c.on(n.get("schedule"), err.Error(), `write five fields: minute hour day month weekday, like "0 3 * * *"`)
	}
}

func (c *checker) refOf(n *node) {
	if n != nil && n.kind == kindString {
		c.ref(n.text, n.path())
	}
}

func (c *checker) span(n *node) {
	if n != nil && n.kind == kindString {
		c.duration(n.text, n.path(), maxDeadline)
	}
}

// amounts checks the quantities in a map of resources.
func (c *checker) amounts(n *node) {
	if n == nil {
		return
	}
	for _, e := range n.entries {
		if f := c.rules["Resources."+e.key].text; f != nil && e.value.kind == kindString && f.matches(e.value.text) {
			c.quantity(e.value.text, e.value.path())
		}
	}
}

func (c *checker) ports(n *node, s project.Service) {
	numbers := map[int64]string{}
	if port := n.get("port"); port != nil {
		numbers[port.integer] = "port"
	}
	if ports := n.get("ports"); ports != nil {
		for _, e := range ports.entries {
			if first, ok := numbers[e.value.integer]; ok && e.value.kind == kindInteger {
				c.on(e.value, "is the same port as "+first, "give each port once")
			}
			numbers[e.value.integer] = e.key
		}
	}
	if source := s.Source(); n.get("port") != nil || source != project.SourceBuild && source != project.SourceImage {
		return
	}
	if routes := n.get("routes"); routes != nil && len(routes.items) > 0 {
		c.on(routes, "has no port to lead to", "add port to the service, or remove routes")
	}
	if health := n.get("health").get("path"); health != nil {
		c.on(health, "has no port to ask", "add port to the service, or use health.command")
	}
}

func (c *checker) scale(n *node) {
	least, most, cpu := n.get("min"), n.get("max"), n.get("cpu")
	low := int64(1)
	if least != nil && least.kind == kindInteger {
		low = least.integer
	}
	if most != nil && most.kind == kindInteger && most.integer < low {
		c.on(most, "is less than min", "let max be at least min")
	}
	if cpu != nil && most == nil {
		c.on(cpu, "means nothing without max", "add max, or remove cpu")
	}
}

func (c *checker) volumes(n *node, volumes []project.Volume) {
	names := map[string]bool{}
	for i, v := range volumes {
		item := n.items[i]
		for j, other := range volumes[:i] {
			if v.Path != "" && other.Path != "" && nested(v.Path, other.Path) {
				c.on(item.get("path"), `"`+clip(v.Path)+`" and "`+clip(other.Path)+`" of `+n.items[j].path()+" lie inside each other", "mount volumes side by side")
			}
		}
		if v.Name != "" && names[v.Name] {
			c.on(item.get("name"), `the name "`+v.Name+`" is taken`, "choose another")
		}
		names[v.Name] = true
		if v.Size != "" {
			c.quantity(v.Size, item.get("size").path())
		}
	}
}

func nested(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

func (c *checker) routes(n *node, routes []project.Route) {
	seen := map[project.Route]bool{}
	for i, route := range routes {
		if seen[route] && route.Path != "" {
			c.on(n.items[i], `the path "`+clip(route.Path)+`" is routed already`, "remove one of them")
		}
		seen[route] = true
	}
}

func (c *checker) security(n *node, s *project.Security) {
	if s != nil && s.RunAsRoot && s.RunAsUser != nil {
		c.on(n.get("runAsUser"), "contradicts runAsRoot", "keep one of them")
	}
}
