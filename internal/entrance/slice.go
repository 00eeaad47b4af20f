package entrance

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/naming"
)

// Slices returns the EndpointSlices of the Kubernetes Services that lead to the gate, by
// the slices of the gate's own Service: each has the gate's ready addresses, and the
// gate's ports for the backends of one Service. While no gate is ready they have none, so
// that nobody else who gets one of its addresses gets requests.
func Slices(namespace string, owner map[string]string, backends []Backend, gate []discoveryv1.EndpointSlice) []discoveryv1.EndpointSlice {
	var all []discoveryv1.EndpointSlice
	for _, kind := range []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6} {
		if !slices.ContainsFunc(gate, func(s discoveryv1.EndpointSlice) bool { return s.AddressType == kind }) {
			continue
		}
		endpoints := readyOf(kind, gate)
		for start := 0; start < len(backends); {
			name := naming.GateService(backends[start].Service)
			slice := discoveryv1.EndpointSlice{
				TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
				ObjectMeta: metav1.ObjectMeta{
					Namespace: namespace, Name: name + "-" + strings.ToLower(string(kind)),
					Labels: map[string]string{discoveryv1.LabelServiceName: name, discoveryv1.LabelManagedBy: "slipway.dev"},
				},
				AddressType: kind, Endpoints: endpoints,
			}
			maps.Copy(slice.Labels, owner)
			for service := backends[start].Service; start < len(backends) && backends[start].Service == service; start++ {
				b := backends[start]
				slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: new(b.Name), Port: new(b.Listens), Protocol: new(corev1.ProtocolTCP)})
			}
			all = append(all, slice)
		}
	}
	return all
}

// readyOf returns the gate's endpoints of a kind of address that are ready, sorted.
func readyOf(kind discoveryv1.AddressType, gate []discoveryv1.EndpointSlice) []discoveryv1.Endpoint {
	var addresses []string
	for _, slice := range gate {
		if slice.AddressType != kind {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if ready := endpoint.Conditions.Ready; (ready == nil || *ready) && len(endpoint.Addresses) > 0 {
				addresses = append(addresses, endpoint.Addresses[0])
			}
		}
	}
	slices.Sort(addresses)
	endpoints := make([]discoveryv1.Endpoint, 0, len(addresses)) // the API wants a list, be it empty
	for _, address := range slices.Compact(addresses) {
		endpoints = append(endpoints, discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}})
	}
	return endpoints
}
