package kaniko

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/internal/build"
)

// NewSecret returns the Secret of a Job that the cluster has accepted: the
// source token and the one registry credential that the push needs. It goes
// when the Job goes.
func NewSecret(job *batchv1.Job, r build.Request) (*corev1.Secret, error) {
	registry, err := r.Credentials.Only(r.Repository)
	if err != nil {
		return nil, err
	}
	if registry == nil {
		registry = []byte("{}")
	}
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      job.Name,
			Namespace: job.Namespace,
			Labels:    labelsOf(r),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion:         "batch/v1",
				Kind:               "Job",
				Name:               job.Name,
				UID:                job.UID,
				BlockOwnerDeletion: ptr.To(true),
			}},
		},
		Immutable: ptr.To(true),
		Data: map[string][]byte{
			tokenKey:  []byte(r.Source.Token),
			configKey: registry,
		},
	}, nil
}
