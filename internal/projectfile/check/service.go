package check

import (
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// services checks every service as it is written, and once more for each stage
// that overrides something of it.
func (c *checker) services() {
	services := c.root.Get("services")
	if services == nil || services.Kind != syntax.Map {
		return
	}
	for _, e := range services.Entries {
		service, ok := c.file.Services[e.Key]
		if !ok || e.Value.Kind != syntax.Map {
			continue
		}
		c.service(e.Value.Without("stages"), service)
		stages := e.Value.Get("stages")
		if stages == nil || stages.Kind != syntax.Map {
			continue
		}
		for _, o := range stages.Entries {
			if c.Full() || !c.secondary && !c.stage(o.Key, o.Value.Path()) {
				continue
			}
			if o.Value.Kind == syntax.Map && c.sameSource(service, o.Value) {
				c.effective(grammar.ForStage(e.Value, o.Key), o.Key)
			}
		}
	}
}

// sameSource reports whether an override leaves the kind of the source alone
// and has only keys that may stand beside it.
func (c *checker) sameSource(service project.Service, override *syntax.Node) bool {
	kind := string(service.Source())
	allowed := c.Shapes["Service"].Beside[kind]
	same := true
	for _, e := range override.Entries {
		switch {
		case kind == "" || e.Key == kind:
		case slices.Contains(grammar.Sources(), e.Key):
			same = false
			c.Beyond(e.At, e.Value.Path(), "a stage can't change the source from "+kind+" to "+e.Key, "declare a service of its own, or change only values of "+kind)
		case allowed != nil && !slices.Contains(allowed, e.Key) && c.Rules["Service."+e.Key].Help != "":
			same = false
			c.Beyond(e.At, e.Value.Path(), "a service from "+kind+" can't have "+e.Key, "say it in the source itself; allowed beside "+kind+": "+syntax.Enumerate(allowed))
		}
	}
	return same
}

// effective checks a service with a stage's override applied and reports what
// is wrong only there.
func (c *checker) effective(n *syntax.Node, stage string) {
	var service project.Service
	inner := *c
	inner.Report = syntax.NewReport(c.Report.File)
	grammar.Decode(inner.Report, c.Grammar, n, &service)
	inner.service(n, service)
	c.AddNew(inner.Report, ` in the stage "`+stage+`"`)
}

func (c *checker) service(n *syntax.Node, s project.Service) {
	if _, err := reference.ParseNormalizedNamed(s.Image); s.Image != "" && err != nil {
		c.on(n.Get("image"), `"`+syntax.Clip(s.Image)+`" is not an image reference`, "write registry/name:tag, like redis:7.4")
	}
	if s.Build != nil {
		c.refOf(n.Get("build").Get("ref"))
	}
	c.ports(n, s)
	c.scale(n.Get("scale"))
	c.amounts(n.Get("resources"))
	c.volumes(n.Get("volumes"), s.Volumes)
	c.routes(n.Get("routes"), s.Routes)
	c.span(n.Get("deadline"))
	c.security(n.Get("security"), s.Security)
	if err := checkCron(s.Schedule); err != nil {
		c.on(n.Get("schedule"), err.Error(), `write five fields: minute hour day month weekday, like "0 3 * * *"`)
	}
}

func (c *checker) refOf(n *syntax.Node) {
	if n != nil && n.Kind == syntax.String {
		c.ref(n.Text, n.Path())
	}
}

func (c *checker) span(n *syntax.Node) {
	if n != nil && n.Kind == syntax.String {
		c.duration(n.Text, n.Path(), maxDeadline)
	}
}

// amounts checks the quantities in a map of resources.
func (c *checker) amounts(n *syntax.Node) {
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		if f := c.Rules["Resources."+e.Key].Text; f != nil && e.Value.Kind == syntax.String && f.Matches(e.Value.Text) {
			c.quantity(e.Value.Text, e.Value.Path())
		}
	}
}

func (c *checker) ports(n *syntax.Node, s project.Service) {
	numbers := map[int64]string{}
	if port := n.Get("port"); port != nil {
		numbers[port.Integer] = "port"
	}
	if ports := n.Get("ports"); ports != nil {
		for _, e := range ports.Entries {
			if first, ok := numbers[e.Value.Integer]; ok && e.Value.Kind == syntax.Integer {
				c.on(e.Value, "is the same port as "+first, "give each port once")
			}
			numbers[e.Value.Integer] = e.Key
		}
	}
	if source := s.Source(); n.Get("port") != nil || source != project.SourceBuild && source != project.SourceImage {
		return
	}
	if routes := n.Get("routes"); routes != nil && len(routes.Items) > 0 {
		c.on(routes, "has no port to lead to", "add port to the service, or remove routes")
	}
	if health := n.Get("health").Get("path"); health != nil {
		c.on(health, "has no port to ask", "add port to the service, or use health.command")
	}
}

func (c *checker) scale(n *syntax.Node) {
	least, most, cpu := n.Get("min"), n.Get("max"), n.Get("cpu")
	low := int64(1)
	if least != nil && least.Kind == syntax.Integer {
		low = least.Integer
	}
	if most != nil && most.Kind == syntax.Integer && most.Integer < low {
		c.on(most, "is less than min", "let max be at least min")
	}
	if cpu != nil && most == nil {
		c.on(cpu, "means nothing without max", "add max, or remove cpu")
	}
}

func (c *checker) volumes(n *syntax.Node, volumes []project.Volume) {
	names := map[string]bool{}
	for i, v := range volumes {
		item := n.Items[i]
		for j, other := range volumes[:i] {
			if v.Path != "" && other.Path != "" && nested(v.Path, other.Path) {
				c.on(item.Get("path"), `"`+syntax.Clip(v.Path)+`" and "`+syntax.Clip(other.Path)+`" of `+n.Items[j].Path()+" lie inside each other", "mount volumes side by side")
			}
		}
		if v.Name != "" && names[v.Name] {
			c.on(item.Get("name"), `the name "`+v.Name+`" is taken`, "choose another")
		}
		names[v.Name] = true
		if v.Size != "" {
			c.quantity(v.Size, item.Get("size").Path())
		}
	}
}

func nested(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

func (c *checker) routes(n *syntax.Node, routes []project.Route) {
	seen := map[project.Route]bool{}
	for i, route := range routes {
		if seen[route] && route.Path != "" {
			c.on(n.Items[i], `the path "`+syntax.Clip(route.Path)+`" is routed already`, "remove one of them")
		}
		seen[route] = true
	}
}

func (c *checker) security(n *syntax.Node, s *project.Security) {
	if s != nil && s.RunAsRoot && s.RunAsUser != nil {
		c.on(n.Get("runAsUser"), "contradicts runAsRoot", "keep one of them")
	}
}
