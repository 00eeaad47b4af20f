package release

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// New returns the release of a step: it deploys the wanted head, or goes back to
// a good release.
func New(stage *v1alpha1.Stage, sequence int64, step Step) *v1alpha1.Release {
	made := &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{
			Name:      naming.Release(stage.Name, sequence),
			Namespace: stage.Namespace,
			Labels:    stage.Labels,
		},
		Spec: v1alpha1.ReleaseSpec{
			Project:  stage.Spec.Project,
			Stage:    stage.Name,
			Sequence: sequence,
			Head:     stage.Spec.Wanted,
			Trigger:  step.Trigger,
		},
	}
	if step.From != nil {
		made.Spec.From, made.Spec.Head = step.From.Name, step.From.Spec.Head
	}
	return made
}
