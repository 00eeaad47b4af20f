package addon

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
)

// DNS is the name of the DNS server's objects; dnsService is what every
// installation calls its Service, and the label that policies select it by.
const (
	DNS        = "coredns"
	dnsService = "kube-dns"
)

// corefile caches for a few seconds only: what is deployed here changes while
// somebody watches.
const corefile = `.:53 {
    errors
    health :8080
    ready :8181
    kubernetes ` + layout.Domain + ` in-addr.arpa {
        pods insecure
        ttl 5
    }
    forward . /etc/resolv.conf
    cache 5
    reload
}
`

func (c Config) dns() []runtime.Object {
	rules := []rbacv1.PolicyRule{
		read("", "services", "pods", "namespaces"),
		read("discovery.k8s.io", "endpointslices"),
	}
	return []runtime.Object{
		serviceAccount(DNS), clusterRole("slipway-"+DNS, rules), clusterRoleBinding("slipway-"+DNS, accountSubject(DNS)),
		&corev1.ConfigMap{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
			ObjectMeta: metav1.ObjectMeta{Name: DNS, Namespace: Namespace},
			Data:       map[string]string{"Corefile": corefile},
		},
		c.dnsDeployment(),
		&corev1.Service{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: metav1.ObjectMeta{Name: dnsService, Namespace: Namespace, Labels: map[string]string{"k8s-app": dnsService}},
			Spec: corev1.ServiceSpec{
				Selector:  map[string]string{"k8s-app": dnsService},
				ClusterIP: layout.DNSService,
				Ports: []corev1.ServicePort{
					{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(53)},
					{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53, TargetPort: intstr.FromInt32(53)},
				},
			},
		},
	}
}

func (c Config) dnsDeployment() *appsv1.Deployment {
	one, labels := int32(1), map[string]string{"k8s-app": dnsService}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: DNS, Namespace: Namespace, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					ServiceAccountName: DNS,
					PriorityClassName:  "system-cluster-critical",
					// It resolves for the cluster, so it must ask the machine's resolver itself.
					DNSPolicy:  corev1.DNSDefault,
					Containers: []corev1.Container{c.dnsContainer()},
					Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
						ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: DNS}},
					}}},
				},
			},
		},
	}
}

func (c Config) dnsContainer() corev1.Container {
	probe := func(path string, port int32) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)}},
			PeriodSeconds: 2, FailureThreshold: 15, TimeoutSeconds: 5,
		}
	}
	return corev1.Container{
		Name: DNS, Image: c.DNSImage,
		Args:            []string{"-conf", "/etc/coredns/Corefile"},
		Ports:           []corev1.ContainerPort{{Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}, {Name: "dns-tcp", ContainerPort: 53, Protocol: corev1.ProtocolTCP}},
		VolumeMounts:    []corev1.VolumeMount{{Name: "config", MountPath: "/etc/coredns", ReadOnly: true}},
		ReadinessProbe:  probe("/ready", 8181),
		LivenessProbe:   probe("/health", 8080),
		SecurityContext: unprivileged(),
		Resources:       requests("10m", "32Mi"),
	}
}

func requests(cpu, memory string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory),
	}}
}
