package workload

import (
	"fmt"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// httpRoutes are what an Ingress is on clusters with the Gateway API. A route
// serves all its paths on all its hosts, so hosts whose paths differ get
// routes of their own.
func httpRoutes(in Input, rules []routeRule) []*gatewayv1.HTTPRoute {
	var routes []*gatewayv1.HTTPRoute
	byPaths := map[string]*gatewayv1.HTTPRoute{}
	for _, rule := range rules {
		key := strings.Join(rule.paths, "\n")
		route, known := byPaths[key]
		if !known {
			route = httpRoute(in, len(routes), rule.paths)
			byPaths[key] = route
			routes = append(routes, route)
		}
		route.Spec.Hostnames = append(route.Spec.Hostnames, gatewayv1.Hostname(rule.host))
	}
	return routes
}

func httpRoute(in Input, index int, paths []string) *gatewayv1.HTTPRoute {
	name := in.Name
	if index > 0 {
		name = fmt.Sprintf("%s-%d", in.Name, index+1)
	}
	parent := gatewayv1.ParentReference{Name: gatewayv1.ObjectName(in.Ingress.Gateway.Name)}
	if in.Ingress.Gateway.Namespace != "" {
		parent.Namespace = new(gatewayv1.Namespace(in.Ingress.Gateway.Namespace))
	}
	return &gatewayv1.HTTPRoute{
		TypeMeta:   typeMeta("gateway.networking.k8s.io/v1", "HTTPRoute"),
		ObjectMeta: meta(in, name, componentService),
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{parent}},
			Rules:           []gatewayv1.HTTPRouteRule{httpRouteRule(in, paths)},
		},
	}
}

func httpRouteRule(in Input, paths []string) gatewayv1.HTTPRouteRule {
	backend := gatewayv1.HTTPBackendRef{}
	backend.Name = gatewayv1.ObjectName(in.Name)
	backend.Port = new(gatewayv1.PortNumber(in.Service.Port))
	rule := gatewayv1.HTTPRouteRule{BackendRefs: []gatewayv1.HTTPBackendRef{backend}}
	for _, path := range paths {
		rule.Matches = append(rule.Matches, gatewayv1.HTTPRouteMatch{
			Path: &gatewayv1.HTTPPathMatch{Type: new(gatewayv1.PathMatchPathPrefix), Value: new(path)},
		})
	}
	return rule
}
