package addon

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
)

// Ingress is the name of the ingress controller's objects and of its class.
const Ingress = "skipper"

func (c Config) ingress() []runtime.Object {
	rules := []rbacv1.PolicyRule{
		read("", "services", "endpoints"),
		read("discovery.k8s.io", "endpointslices"),
		read("networking.k8s.io", "ingresses", "ingressclasses"),
	}
	return []runtime.Object{
		serviceAccount(Ingress), clusterRole("slipway-"+Ingress, rules), clusterRoleBinding("slipway-"+Ingress, accountSubject(Ingress)),
		&networkingv1.IngressClass{
			TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "IngressClass"},
			ObjectMeta: metav1.ObjectMeta{
				Name:        Ingress,
				Annotations: map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"},
			},
			Spec: networkingv1.IngressClassSpec{Controller: "zalando.org/skipper"},
		},
		c.ingressDaemonSet(),
	}
}

// ingressDaemonSet runs on the node's network, because the bridge's address is there.
func (c Config) ingressDaemonSet() *appsv1.DaemonSet {
	labels := map[string]string{"app": Ingress}
	return &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"},
		ObjectMeta: metav1.ObjectMeta{Name: Ingress, Namespace: Namespace, Labels: labels},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					ServiceAccountName: Ingress,
					HostNetwork:        true,
					PriorityClassName:  "system-cluster-critical",
					Containers:         []corev1.Container{c.ingressContainer()},
				},
			},
		},
	}
}

func (c Config) ingressContainer() corev1.Container {
	address := fmt.Sprintf("%s:%d", layout.BridgeAddress, c.IngressPort)
	support := int32(c.IngressSupportPort)
	return corev1.Container{
		Name: Ingress, Image: c.IngressImage,
		Args: []string{
			"-address", address,
			"-support-listener", fmt.Sprintf("127.0.0.1:%d", support),
			"-kubernetes", "-kubernetes-in-cluster",
			"-kubernetes-ingress-class", "^" + Ingress + "$",
			"-kubernetes-path-mode", "path-prefix",
			"-kubernetes-healthcheck=false",
			"-kubernetes-https-redirect=false",
			"-enable-kubernetes-endpointslices",
			"-proxy-preserve-host",
			"-source-poll-timeout", "500", // milliseconds until a new Ingress is served
			"-wait-first-route-load",
			"-experimental-upgrade",      // web sockets
			"-write-timeout-server", "0", // streams of events stay open
			"-access-log-disabled",
			"-application-log-level", "WARN",
		},
		ReadinessProbe: &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Host: layout.BridgeAddress, Port: intstr.FromInt32(int32(c.IngressPort))}},
			PeriodSeconds: 1, FailureThreshold: 30,
		},
		SecurityContext: unprivileged(),
		Resources:       requests("10m", "64Mi"),
	}
}
