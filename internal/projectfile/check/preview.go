package check

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

func (c *checker) previews() {
	p := c.file.Previews
	if p == nil {
		return
	}
	if p.From != "" && c.stage(p.From, "previews.from") {
		c.previewHosts(p.From)
	}
	for i, into := range p.Into {
		c.ref(into, syntax.Index("previews.into", i))
	}
	c.duration(p.TTL, "previews.ttl", maxLife)
	c.duration(p.SleepAfter, "previews.sleepAfter", maxLife)
	c.previewServices()
}

// previewServices checks what differs of services in previews.
func (c *checker) previewServices() {
	previews := c.root.Get("previews")
	names := c.file.ServiceNames()
	if list := previews.Get("services"); list != nil && list.Kind == syntax.Map {
		for _, e := range list.Entries {
			if service, known := c.file.Services[e.Key]; known {
				c.previewService(e.Value, service)
			} else if len(names) > 0 {
				c.Beyond(e.At, e.Value.Path(), `there is no service "`+syntax.Clip(e.Key)+`"`, syntax.Suggest(e.Key, names))
			}
		}
	}
	if list := previews.Get("templates"); list != nil && list.Kind == syntax.Map {
		for _, e := range list.Entries {
			if !c.usesTemplate(e.Key) {
				c.Beyond(e.At, e.Value.Path(), `no service is of the template "`+syntax.Clip(e.Key)+`"`, "remove it, or correct its name")
			}
		}
	}
}

// previewService checks what differs of one service: only what Slipway itself says of it
// can.
func (c *checker) previewService(n *syntax.Node, service project.Service) {
	c.amounts(n.Get("resources"))
	allowed := c.Shapes["Service"].Beside[string(service.Source())]
	for key, field := range map[string]string{"replicas": "scale", "resources": "resources", "env": "env"} {
		if n.Get(key) != nil && allowed != nil && !slices.Contains(allowed, field) {
			c.on(n.Get(key), "a service from "+string(service.Source())+" can't have "+key, "say it in the source itself, in a values file or an overlay of its stage")
		}
	}
	if n.Get("replicas") != nil && service.Schedule != "" {
		c.on(n.Get("replicas"), "a job that runs at times has no replicas", "remove it")
	}
}

func (c *checker) usesTemplate(name string) bool {
	for _, service := range c.file.Services {
		if service.Template == name {
			return true
		}
	}
	return false
}

// previewHosts refuses hosts that every preview of a stage would share. Those
// under the stage's own hosts are not taken over.
func (c *checker) previewHosts(from string) {
	services := c.root.Get("services")
	for _, name := range c.file.ServiceNames() {
		routes := grammar.ForStage(services.Get(name), from).Get("routes")
		if routes == nil {
			continue
		}
		for _, route := range routes.Items {
			if host := route.Get("host"); host != nil {
				c.on(host, "all previews would share the host "+syntax.Clip(host.Text)+` of the stage "`+from+`"`, "give the host in the stage's hosts, which previews don't take")
			}
		}
	}
}
