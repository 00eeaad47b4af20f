package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
)

const (
	tmpVolume   = "tmp"
	filesVolume = "files"
	// scratchVolume is followed by a number; no volume's own name has an
	// underscore or ends like it.
	scratchVolume = "scratch--"

	// drainSeconds is how long a stopping container still answers while the
	// routes that lead to it disappear.
	drainSeconds = 5
	graceSeconds = 30
)

// podTemplate returns the pods of a service that serve.
func podTemplate(in Input) (corev1.PodTemplateSpec, error) {
	container, err := container(in)
	if err != nil {
		return corev1.PodTemplateSpec{}, err
	}
	addProbes(&container, in)
	if len(container.Ports) > 0 {
		container.Lifecycle = &corev1.Lifecycle{
			PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: drainSeconds}},
		}
	}
	spec := podSpec(in, container)
	spec.TopologySpreadConstraints = spread(in)
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: podLabels(in, componentService), Annotations: configHash(in)},
		Spec:       spec,
	}, nil
}

// configHash changes with the files that pods mount, which alone would not
// roll them. Environment variables are part of the template itself.
func configHash(in Input) map[string]string {
	if len(in.Files) == 0 && len(in.Directories) == 0 {
		return nil
	}
	hash := sha256.New()
	add := func(files map[string]string) {
		for _, name := range sortedKeys(files) {
			_, _ = fmt.Fprintf(hash, "%d %s %d %s", len(name), name, len(files[name]), files[name])
		}
	}
	add(in.Files)
	for _, path := range sortedKeys(in.Directories) {
		add(in.Directories[path])
	}
	return map[string]string{naming.AnnotationConfigHash: hex.EncodeToString(hash.Sum(nil)[:8])}
}

// podSpec returns what all pods of a service have in common.
func podSpec(in Input, container corev1.Container) corev1.PodSpec {
	spec := corev1.PodSpec{
		ServiceAccountName:            in.Name,
		AutomountServiceAccountToken:  new(serviceTokens(in.Service)),
		EnableServiceLinks:            new(false),
		SecurityContext:               podSecurity(in.Service),
		TerminationGracePeriodSeconds: new(grace(in)),
		Containers:                    []corev1.Container{container},
		Volumes:                       podVolumes(in),
		Affinity:                      together(in),
	}
	if in.Group != nil {
		spec.SecurityContext.RunAsGroup = in.Group
	}
	spec.SecurityContext.SupplementalGroups = in.Groups
	if in.PullSecret != "" {
		spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: in.PullSecret}}
	}
	return spec
}

func grace(in Input) int64 {
	if in.Grace > 0 {
		return in.Grace
	}
	return graceSeconds
}

// container returns the service's container without what only a serving one
// has.
func container(in Input) (corev1.Container, error) {
	requirements, err := resources(in)
	if err != nil {
		return corev1.Container{}, err
	}
	security := containerSecurity(in.Service)
	if security.Capabilities != nil {
		dropCapabilities(security.Capabilities, in)
	}
	return corev1.Container{
		Name:            in.Name,
		Image:           in.Image,
		Command:         in.Service.Command,
		Args:            in.Service.Args,
		WorkingDir:      in.WorkingDir,
		Env:             environment(in.Service.Env),
		EnvFrom:         secretEnvironment(in.Service.Secrets),
		Ports:           containerPorts(in),
		Resources:       requirements,
		SecurityContext: security,
		VolumeMounts:    mounts(in),
		TTY:             in.TTY,
		Stdin:           in.Stdin,
	}, nil
}

// dropCapabilities takes away what the service doesn't want.
func dropCapabilities(c *corev1.Capabilities, in Input) {
	for _, name := range in.Drop {
		all := name == "ALL"
		c.Add = slices.DeleteFunc(c.Add, func(given corev1.Capability) bool {
			asked := in.Service.Security != nil && slices.Contains(in.Service.Security.Capabilities, string(given))
			return string(given) == name || all && !asked
		})
		if !slices.Contains(c.Drop, corev1.Capability(name)) {
			c.Drop = append(c.Drop, corev1.Capability(name))
		}
	}
}

// environment is written into the pod template itself, so that a changed value
// rolls the pods.
func environment(env map[string]string) []corev1.EnvVar {
	var vars []corev1.EnvVar
	for _, name := range sortedKeys(env) {
		vars = append(vars, corev1.EnvVar{Name: name, Value: env[name]})
	}
	return vars
}

func secretEnvironment(secrets []string) []corev1.EnvFromSource {
	var sources []corev1.EnvFromSource
	for _, name := range secrets {
		sources = append(sources, corev1.EnvFromSource{
			SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
		})
	}
	return sources
}

// mainPort is the name of the port that routes lead to.
const mainPort = "main"

// ports returns all ports of the service by name.
func ports(s project.Service) map[string]int32 {
	all := map[string]int32{}
	for name, port := range s.Ports {
		all[name] = port
	}
	if s.Port != 0 {
		all[mainPort] = s.Port
	}
	return all
}

func udpName(port int32) string { return "udp-" + strconv.Itoa(int(port)) }

func containerPorts(in Input) []corev1.ContainerPort {
	var list []corev1.ContainerPort
	all := ports(in.Service)
	for _, name := range sortedKeys(all) {
		list = append(list, corev1.ContainerPort{Name: name, ContainerPort: all[name], Protocol: corev1.ProtocolTCP})
	}
	for _, port := range in.UDP {
		list = append(list, corev1.ContainerPort{Name: udpName(port), ContainerPort: port, Protocol: corev1.ProtocolUDP})
	}
	return list
}

// spread keeps several pods of a service on different nodes where it can.
func spread(in Input) []corev1.TopologySpreadConstraint {
	if replicas(in.Service) < 2 && !autoscales(in.Service) {
		return nil
	}
	return []corev1.TopologySpreadConstraint{{
		MaxSkew:           1,
		TopologyKey:       "kubernetes.io/hostname",
		WhenUnsatisfiable: corev1.ScheduleAnyway,
		LabelSelector:     &metav1.LabelSelector{MatchLabels: selector(in)},
	}}
}
