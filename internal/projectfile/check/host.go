package check

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// hostUse is a host name that the file gives to a service of a stage.
type hostUse struct {
	stage, service, host string
	path                 string // of the URL
	at                   *syntax.Node
	many                 bool // the rule makes more than one stage
}

// hosts checks that stages' hosts name services with routes, and that no host
// is given to two stages, nor a host's path to two services of one.
func (c *checker) hosts() {
	first := map[string]hostUse{}
	for i, stage := range c.file.Stages {
		node := c.root.Get("stages").Items[i].Get("hosts")
		for _, claim := range c.hostUses(stage, node) {
			c.checkHostUse(first, claim)
		}
	}
}

// hostUses lists the hosts of one stage rule, in a fixed order.
func (c *checker) hostUses(stage project.Stage, hosts *syntax.Node) []hostUse {
	var claims []hostUse
	services := c.root.Get("services")
	for _, name := range c.file.ServiceNames() {
		service := services.Get(name)
		if service == nil || service.Kind != syntax.Map {
			continue
		}
		routes := grammar.ForStage(service, stage.Name).Get("routes")
		own := hosts.Get(name)
		if own != nil && own.Kind == syntax.String && (routes == nil || len(routes.Items) == 0) {
			c.on(own, `the service "`+name+`" has no routes, so nothing answers at the host`, "add routes: [{path: /}] to the service, or remove the host")
		}
		claims = append(claims, routeHosts(stage, name, routes, own)...)
	}
	c.checkHostServices(hosts)
	return claims
}

// checkHostServices reports hosts of services that do not exist. A Compose file
// may bring any.
func (c *checker) checkHostServices(hosts *syntax.Node) {
	if hosts == nil || c.hasCompose() {
		return
	}
	names := c.file.ServiceNames()
	for _, e := range hosts.Entries {
		if c.Full() || c.root.Get("services") == nil {
			return
		}
		if !slices.Contains(names, e.Key) {
			c.Beyond(e.At, e.Value.Path(), `there is no service "`+syntax.Clip(e.Key)+`"`, syntax.Suggest(e.Key, names))
		}
	}
}

// hasCompose reports whether services come from Compose files.
func (c *checker) hasCompose() bool {
	for _, name := range c.file.ServiceNames() {
		if service := c.root.Get("services").Get(name); service != nil && service.Kind == syntax.Map && service.Get("compose") != nil {
			return true
		}
	}
	return false
}

// routeHosts lists a service's hosts: a route's own, else the stage's.
func routeHosts(stage project.Stage, service string, routes, own *syntax.Node) []hostUse {
	if routes == nil {
		return nil
	}
	var claims []hostUse
	for _, route := range routes.Items {
		at := route.Get("host")
		if at == nil {
			at = own
		}
		path := route.Get("path")
		if at == nil || at.Kind != syntax.String || path == nil {
			continue
		}
		claims = append(claims, hostUse{
			stage: stage.Name, service: service, host: at.Text, path: path.Text, at: at,
			many: stage.Pattern() && at != own,
		})
	}
	return claims
}

func (c *checker) checkHostUse(first map[string]hostUse, claim hostUse) {
	if claim.many {
		c.on(claim.at, `"`+claim.stage+`" makes many stages, which can't share the host `+syntax.Clip(claim.host), "give the host in the override of a stage with an exact branch")
		return
	}
	other, ok := first[claim.host]
	if ok && other.stage != claim.stage {
		c.on(claim.at, "the host "+syntax.Clip(claim.host)+` is given to the stages "`+other.stage+`" and "`+claim.stage+`"`, "give each stage a host of its own; a route's host belongs in the service's override for one stage")
		return
	}
	first[claim.host] = claim
	route := claim.host + claim.path
	if other, ok := first[route]; ok && other.service != claim.service {
		c.on(claim.at, syntax.Clip(route)+` leads to the services "`+other.service+`" and "`+claim.service+`"`, "let one of them have another path or host")
		return
	}
	first[route] = claim
}
