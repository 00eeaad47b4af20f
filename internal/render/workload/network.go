package workload

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// account gives the service an identity of its own, without a token unless it
// asks for one.
func account(in Input) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:                     typeMeta("v1", "ServiceAccount"),
		ObjectMeta:                   meta(in, in.Name, componentService),
		AutomountServiceAccountToken: new(serviceTokens(in.Service)),
	}
}

// service is the Kubernetes Service: the name under which the other services
// of the stage reach this one.
func service(in Input, name string) *corev1.Service {
	all := ports(in.Service)
	spec := corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: selector(in)}
	if in.Headless {
		spec.ClusterIP = corev1.ClusterIPNone
		// A member of a cluster finds the others, and itself, before it is ready.
		spec.PublishNotReadyAddresses = len(in.Service.Volumes)+len(in.Claims) > 0
	}
	for _, name := range sortedKeys(all) {
		spec.Ports = append(spec.Ports, corev1.ServicePort{
			Name: name, Port: all[name], TargetPort: intstr.FromString(name), Protocol: corev1.ProtocolTCP,
		})
	}
	for _, port := range in.UDP {
		spec.Ports = append(spec.Ports, corev1.ServicePort{
			Name: udpName(port), Port: port, TargetPort: intstr.FromString(udpName(port)), Protocol: corev1.ProtocolUDP,
		})
	}
	return &corev1.Service{
		TypeMeta:   typeMeta("v1", "Service"),
		ObjectMeta: meta(in, name, componentService),
		Spec:       spec,
	}
}

// routeRule is one host with its paths.
type routeRule struct {
	host  string
	paths []string
}

// routeRules returns the service's hosts and their paths, sorted.
func routeRules(in Input) []routeRule {
	paths := map[string][]string{}
	for _, route := range in.Service.Routes {
		hosts := in.Hosts
		if route.Host != "" {
			hosts = []string{route.Host}
		}
		for _, host := range hosts {
			paths[host] = append(paths[host], routePath(route.Path))
		}
	}
	var rules []routeRule
	for _, host := range sortedKeys(paths) {
		slices.Sort(paths[host])
		rules = append(rules, routeRule{host: host, paths: slices.Compact(paths[host])})
	}
	return rules
}

func routePath(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func ingress(in Input, rules []routeRule) *networkingv1.Ingress {
	var spec networkingv1.IngressSpec
	if in.Ingress.Class != "" {
		spec.IngressClassName = new(in.Ingress.Class)
	}
	var hosts []string
	for _, rule := range rules {
		hosts = append(hosts, rule.host)
		spec.Rules = append(spec.Rules, ingressRule(in, rule))
	}
	if in.Ingress.TLSSecret != "" {
		spec.TLS = []networkingv1.IngressTLS{{Hosts: hosts, SecretName: in.Ingress.TLSSecret}}
	}
	return &networkingv1.Ingress{
		TypeMeta:   typeMeta("networking.k8s.io/v1", "Ingress"),
		ObjectMeta: meta(in, in.Name, componentService),
		Spec:       spec,
	}
}

func ingressRule(in Input, rule routeRule) networkingv1.IngressRule {
	value := &networkingv1.HTTPIngressRuleValue{}
	for _, path := range rule.paths {
		value.Paths = append(value.Paths, networkingv1.HTTPIngressPath{
			Path:     path,
			PathType: new(networkingv1.PathTypePrefix),
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
				Name: in.Name, Port: networkingv1.ServiceBackendPort{Name: mainPort},
			}},
		})
	}
	return networkingv1.IngressRule{Host: rule.host, IngressRuleValue: networkingv1.IngressRuleValue{HTTP: value}}
}

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
