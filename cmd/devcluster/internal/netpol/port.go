package netpol

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// numbered returns the ports that a policy gives by number, or only by protocol.
func numbered(ports []networkingv1.NetworkPolicyPort) []Port {
	var found []Port
	for _, port := range ports {
		switch {
		case port.Port == nil:
			found = append(found, Port{Protocol: protocol(port)})
		case port.Port.Type == intstr.Int:
			last := port.Port.IntVal
			if port.EndPort != nil {
				last = max(last, *port.EndPort)
			}
			found = append(found, Port{Protocol: protocol(port), First: port.Port.IntVal, Last: last})
		}
	}
	return found
}

// named returns the ports that a policy gives by name, as the target numbers them.
func named(ports []networkingv1.NetworkPolicyPort, target pod) []Port {
	var found []Port
	for _, port := range ports {
		if port.Port == nil || port.Port.Type != intstr.String {
			continue
		}
		for _, candidate := range target.ports {
			if candidate.Name == port.Port.StrVal && containerProtocol(candidate) == protocol(port) {
				found = append(found, Port{Protocol: protocol(port), First: candidate.ContainerPort, Last: candidate.ContainerPort})
			}
		}
	}
	return found
}

func protocol(port networkingv1.NetworkPolicyPort) corev1.Protocol {
	if port.Protocol == nil {
		return corev1.ProtocolTCP
	}
	return *port.Protocol
}

func containerProtocol(port corev1.ContainerPort) corev1.Protocol {
	if port.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return port.Protocol
}
