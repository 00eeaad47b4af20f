package kaniko

import (
	"path"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Names of the containers.
const (
	containerSource = "source"
	containerKaniko = "kaniko"
	containerPush   = "push"
)

// Places inside the containers. The executor leaves its own folder out of
// every snapshot, and no Dockerfile has a reason to write there; paths such as
// /workspace belong to Dockerfiles.
const (
	sourceDir  = "/kaniko/.source"
	imageDir   = "/kaniko/.image"
	imageFile  = imageDir + "/image.tar"
	secretDir  = "/run/slipway"
	tokenKey   = "token"
	configKey  = "config.json"
	messageLog = "/dev/termination-log"
)

// Users of Slipway's own containers. Files of the context belong to whoever
// writes them, and COPY keeps their owner: root, as with any builder.
const (
	root   int64 = 0
	nobody int64 = 65532
)

func podSpec(r build.Request, config Config, args []string) corev1.PodSpec {
	return corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		HostUsers:                     hostUsers(config),
		TerminationGracePeriodSeconds: ptr.To[int64](5),
		SecurityContext: &corev1.PodSecurityContext{
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		InitContainers: []corev1.Container{
			sourceContainer(r, config),
			kanikoContainer(config, args),
		},
		Containers: []corev1.Container{pushContainer(r, config)},
		Volumes: []corev1.Volume{
			scratch("source", config.SourceSize),
			scratch("image", config.ImageSize),
			secret("token", naming.BuildJob(r.Hash), tokenKey),
			secret("registry", naming.BuildJob(r.Hash), configKey),
		},
	}
}

// hostUsers leaves the field out where user namespaces are not wanted, so that
// clusters that don't know it accept the Job.
func hostUsers(config Config) *bool {
	if config.HostUsers {
		return nil
	}
	return ptr.To(false)
}

func scratch(name string, size resource.Quantity) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size},
	}}
}

// secret mounts one key of the build's Secret. Any user of the one container
// that mounts it may read it.
func secret(name, secretName, key string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{
			SecretName:  secretName,
			Items:       []corev1.KeyToPath{{Key: key, Path: key}},
			DefaultMode: ptr.To[int32](0o444),
		},
	}}
}

func sourceContainer(r build.Request, config Config) corev1.Container {
	return corev1.Container{
		Name:  containerSource,
		Image: config.Image,
		Args: literal([]string{
			"source", "fetch",
			"--url=" + r.Source.URL,
			"--token-file=" + path.Join(secretDir, tokenKey),
			"--to=" + sourceDir,
		}),
		Resources:                ownResources(),
		SecurityContext:          confined(root),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		VolumeMounts: []corev1.VolumeMount{
			{Name: "source", MountPath: sourceDir},
			{Name: "token", MountPath: secretDir, ReadOnly: true},
		},
	}
}

func kanikoContainer(config Config, args []string) corev1.Container {
	limits := corev1.ResourceList{
		corev1.ResourceMemory:           config.MemoryLimit,
		corev1.ResourceEphemeralStorage: config.Disk,
	}
	if !config.CPULimit.IsZero() {
		limits[corev1.ResourceCPU] = config.CPULimit
	}
	return corev1.Container{
		Name:  containerKaniko,
		Image: config.Executor,
		Args:  literal(args),
		Env:   specification(),
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{
				corev1.ResourceCPU:              config.CPU,
				corev1.ResourceMemory:           config.Memory,
				corev1.ResourceEphemeralStorage: resource.MustParse("1Gi"),
			},
			Limits: limits,
		},
		SecurityContext: &corev1.SecurityContext{
			RunAsUser:                ptr.To(root),
			AllowPrivilegeEscalation: ptr.To(false),
			Capabilities: &corev1.Capabilities{
				Drop: []corev1.Capability{"ALL"},
				Add:  []corev1.Capability{"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "SETFCAP"},
			},
		},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		VolumeMounts: []corev1.VolumeMount{
			{Name: "source", MountPath: sourceDir, ReadOnly: true},
			{Name: "image", MountPath: imageDir},
		},
	}
}

func pushContainer(r build.Request, config Config) corev1.Container {
	args := []string{
		"image", "push",
		"--tar=" + imageFile,
		"--to=" + imageRef(r),
		"--config=" + path.Join(secretDir, configKey),
		"--digest-file=" + messageLog,
	}
	if r.Insecure {
		args = append(args, "--insecure")
	}
	return corev1.Container{
		Name:                     containerPush,
		Image:                    config.Image,
		Args:                     literal(args),
		Resources:                ownResources(),
		SecurityContext:          confined(nobody),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		VolumeMounts: []corev1.VolumeMount{
			{Name: "image", MountPath: imageDir, ReadOnly: true},
			{Name: "registry", MountPath: secretDir, ReadOnly: true},
		},
	}
}

// confined is the security context of Slipway's own containers.
func confined(user int64) *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsUser:                ptr.To(user),
		RunAsNonRoot:             ptr.To(user != root),
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// ownResources are those of Slipway's own containers, which stream.
func ownResources() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("50m"),
			corev1.ResourceMemory: resource.MustParse("64Mi"),
		},
		Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
	}
}
