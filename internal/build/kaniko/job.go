package kaniko

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Label and annotations of a build's Job; its pods have the label too.
const (
	// LabelBuild holds the Job's name; watch Jobs and Pods that have it.
	LabelBuild = "slipway.dev/build"
	// AnnotationHash holds the input hash.
	AnnotationHash = "slipway.dev/input-hash"
	// AnnotationImage holds the reference that is pushed.
	AnnotationImage = "slipway.dev/image"
)

// NewJob returns the Job that builds a request. It is a pure function: equal
// arguments give equal Jobs. It holds no secret.
func NewJob(r build.Request, config Config) (*batchv1.Job, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if r.Platform == "" {
		r.Platform = config.Platform
	}
	if err := validate(r); err != nil {
		return nil, err
	}
	args, err := executorArgs(r, config)
	if err != nil {
		return nil, err
	}
	labels := labelsOf(r)
	return &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      naming.BuildJob(r.Hash),
			Namespace: r.Namespace,
			Labels:    labels,
			Annotations: map[string]string{
				AnnotationHash:  r.Hash,
				AnnotationImage: imageRef(r),
			},
		},
		Spec: batchv1.JobSpec{
			BackoffLimit:            ptr.To[int32](0),
			ActiveDeadlineSeconds:   ptr.To(int64(config.Deadline.Seconds())),
			TTLSecondsAfterFinished: ptr.To(int32(config.Keep.Seconds())),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       podSpec(r, config, args),
			},
		},
	}, nil
}

func labelsOf(r build.Request) map[string]string {
	return map[string]string{
		naming.LabelManagedBy:    naming.ManagedBy,
		naming.LabelOrganization: naming.LabelValue(r.Organization),
		naming.LabelProject:      naming.LabelValue(r.Project),
		LabelBuild:               naming.BuildJob(r.Hash),
	}
}

func imageRef(r build.Request) string { return r.Repository + ":" + r.Hash }
