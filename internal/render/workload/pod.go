package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"

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
	addProbes(&container, in.Service)
	if len(container.Ports) > 0 {
		container.Lifecycle = &corev1.Lifecycle{
			PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: drainSeconds}},
		}
	}
	spec := podSpec(in, container)
	spec.TopologySpreadConstraints = spread(in)
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels(in, componentService), Annotations: configHash(in)},
		Spec:       spec,
	}, nil
}

// configHash changes with the files that pods mount, which alone would not
// roll them. Environment variables are part of the template itself.
func configHash(in Input) map[string]string {
	if len(in.Files) == 0 {
		return nil
	}
	hash := sha256.New()
	for _, name := range sortedKeys(in.Files) {
		_, _ = fmt.Fprintf(hash, "%d %s %d %s", len(name), name, len(in.Files[name]), in.Files[name])
	}
	return map[string]string{naming.AnnotationConfigHash: hex.EncodeToString(hash.Sum(nil)[:8])}
}

// podSpec returns what all pods of a service have in common.
func podSpec(in Input, container corev1.Container) corev1.PodSpec {
	spec := corev1.PodSpec{
		ServiceAccountName:            in.Name,
		AutomountServiceAccountToken:  new(serviceTokens(in.Service)),
		EnableServiceLinks:            new(false),
		SecurityContext:               podSecurity(in),
		TerminationGracePeriodSeconds: new(grace(in)),
		Containers:                    []corev1.Container{container},
		Volumes:                       podVolumes(in),
	}
	if in.PodSecurity.Contained() {
		spec.HostUsers = new(false)
	}
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
	return corev1.Container{
		Name:            in.Name,
		Image:           in.Image,
		Command:         in.Service.Command,
		Args:            in.Service.Args,
		WorkingDir:      in.WorkingDir,
		Env:             environment(in.Service.Env),
		EnvFrom:         secretEnvironment(in.Service.Secrets),
		Ports:           containerPorts(in.Service),
		Resources:       requirements,
		SecurityContext: containerSecurity(in),
		VolumeMounts:    mounts(in),
	}, nil
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

func containerPorts(s project.Service) []corev1.ContainerPort {
	var list []corev1.ContainerPort
	all := ports(s)
	for _, name := range sortedKeys(all) {
		list = append(list, corev1.ContainerPort{Name: name, ContainerPort: all[name], Protocol: corev1.ProtocolTCP})
	}
	return list
}

func mounts(in Input) []corev1.VolumeMount {
	var list []corev1.VolumeMount
	needsTmp := !writableRoot(in)
	for _, volume := range in.Service.Volumes {
		list = append(list, corev1.VolumeMount{Name: VolumeName(volume), MountPath: volume.Path})
		needsTmp = needsTmp && path.Clean(volume.Path) != "/tmp"
	}
	for i, name := range sortedKeys(in.Files) {
		list = append(list, corev1.VolumeMount{Name: filesVolume, MountPath: name, SubPath: fileKey(i, name), ReadOnly: true})
	}
	for i, directory := range in.Scratch {
		list = append(list, corev1.VolumeMount{Name: scratchVolume + strconv.Itoa(i), MountPath: directory})
		needsTmp = needsTmp && path.Clean(directory) != "/tmp"
	}
	if needsTmp {
		list = append(list, corev1.VolumeMount{Name: tmpVolume, MountPath: "/tmp"})
	}
	return list
}

func podVolumes(in Input) []corev1.Volume {
	var list []corev1.Volume
	if len(in.Files) > 0 {
		list = append(list, corev1.Volume{Name: filesVolume, VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: filesName(in)}},
		}})
	}
	for _, mount := range mounts(in) {
		if mount.Name == tmpVolume || strings.HasPrefix(mount.Name, scratchVolume) {
			list = append(list, corev1.Volume{Name: mount.Name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		}
	}
	return list
}

// VolumeName returns the volume's name, made from its path when it has none.
func VolumeName(v project.Volume) string {
	if v.Name != "" {
		return v.Name
	}
	var b strings.Builder
	for _, c := range strings.ToLower(path.Clean(v.Path)) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteRune(c)
		} else {
			b.WriteByte('-')
		}
	}
	name := strings.Trim(b.String(), "-")
	if name == "" || strings.HasPrefix(name, scratchVolume) || name == tmpVolume || name == filesVolume {
		return "volume-" + name
	}
	return strings.TrimRight(name[:min(len(name), 40)], "-")
}

func fileKey(index int, name string) string {
	return strconv.Itoa(index) + "-" + strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' {
			return c
		}
		return '-'
	}, path.Base(name))
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
