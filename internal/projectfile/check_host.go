package projectfile

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
)

// claim is a host name that the file gives to a service of a stage.
type claim struct {
	stage, service, host string
	path                 string // of the URL
	at                   *node
	many                 bool // the rule makes more than one stage
}

// hosts checks that stages' hosts name services with routes, and that no host
// is given to two stages, nor a host's path to two services of one.
func (c *checker) hosts() {
	first := map[string]claim{}
	for i, stage := range c.file.Stages {
		node := c.root.get("stages").items[i].get("hosts")
		for _, claim := range c.claims(stage, node) {
			c.claim(first, claim)
		}
	}
}

// claims lists the hosts of one stage rule, in a fixed order.
func (c *checker) claims(stage project.Stage, hosts *node) []claim {
	var claims []claim
	services := c.root.get("services")
	for _, name := range c.file.ServiceNames() {
		service := services.get(name)
		if service == nil || service.kind != kindMap {
			continue
		}
		routes := forStage(service, stage.Name).get("routes")
		own := hosts.get(name)
		if own != nil && own.kind == kindString && (routes == nil || len(routes.items) == 0) {
			c.on(own, `the service "`+name+`" has no routes, so nothing answers at the host`, "add routes: [{path: /}] to the service, or remove the host")
		}
		claims = append(claims, routeClaims(stage, name, routes, own)...)
	}
	c.strangers(hosts)
	return claims
}

// strangers reports hosts of services that do not exist.
func (c *checker) strangers(hosts *node) {
	if hosts == nil {
		return
	}
	names := c.file.ServiceNames()
	for _, e := range hosts.entries {
		if c.full() || c.root.get("services") == nil {
			return
		}
		if !slices.Contains(names, e.key) {
			c.beyond(e.at, e.value.path(), `there is no service "`+clip(e.key)+`"`, suggest(e.key, names))
		}
	}
}

// routeClaims lists a service's hosts: a route's own, else the stage's.
func routeClaims(stage project.Stage, service string, routes, own *node) []claim {
	if routes == nil {
		return nil
	}
	var claims []claim
	for _, route := range routes.items {
		at := route.get("host")
		if at == nil {
			at = own
		}
		path := route.get("path")
		if at == nil || at.kind != kindString || path == nil {
			continue
		}
		claims = append(claims, claim{
			stage: stage.Name, service: service, host: at.text, path: path.text, at: at,
			many: stage.Pattern() && at != own,
		})
	}
	return claims
}

func (c *checker) claim(first map[string]claim, claim claim) {
	if claim.many {
		c.on(claim.at, `"`+claim.stage+`" makes many stages, which can't share the host `+clip(claim.host), "give the host in the override of a stage with an exact branch")
		return
	}
	other, ok := first[claim.host]
	if ok && other.stage != claim.stage {
		c.on(claim.at, "the host "+clip(claim.host)+` is given to the stages "`+other.stage+`" and "`+claim.stage+`"`, "give each stage a host of its own; a route's host belongs in the service's override for one stage")
		return
	}
	first[claim.host] = claim
	route := claim.host + claim.path
	if other, ok := first[route]; ok && other.service != claim.service {
		c.on(claim.at, clip(route)+` leads to the services "`+other.service+`" and "`+claim.service+`"`, "let one of them have another path or host")
		return
	}
	first[route] = claim
}
