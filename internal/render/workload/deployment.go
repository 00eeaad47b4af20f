package workload

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/slipway-dev/slipway/internal/project"
)

// revisionHistory is small because a bundle, not a ReplicaSet, is what Slipway
// rolls back to.
const revisionHistory = 2

// deployment never takes a serving pod away before its successor is ready.
func deployment(in Input) (*appsv1.Deployment, error) {
	template, err := podTemplate(in)
	if err != nil {
		return nil, err
	}
	return &appsv1.Deployment{
		TypeMeta:   typeMeta("apps/v1", "Deployment"),
		ObjectMeta: workloadMeta(in),
		Spec: appsv1.DeploymentSpec{
			Replicas:                fixedReplicas(in.Service),
			Selector:                &metav1.LabelSelector{MatchLabels: selector(in)},
			Template:                template,
			RevisionHistoryLimit:    new(int32(revisionHistory)),
			MinReadySeconds:         settleSeconds(in.Service),
			ProgressDeadlineSeconds: deadlineSeconds(in.Service),
			Strategy: appsv1.DeploymentStrategy{
				Type: appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{
					MaxUnavailable: new(intstr.FromInt32(0)),
					MaxSurge:       new(intstr.FromInt32(1)),
				},
			},
		},
	}, nil
}

// workloadMeta is what the service's own workload is called.
func workloadMeta(in Input) metav1.ObjectMeta {
	m := meta(in, in.Name, componentService)
	m.Annotations = annotated(in, nil)
	return m
}

// unproven is how long a pod without a health check must stay up before it
// counts, in seconds: a process that crashes at once was up for a moment too.
const unproven = 2

func settleSeconds(s project.Service) int32 {
	if s.Health == nil {
		return unproven
	}
	return 0
}

// replicas is the number of pods that always run.
func replicas(s project.Service) int32 {
	if s.Scale == nil {
		return 1
	}
	return s.Scale.Min
}

// fixedReplicas is nil where an autoscaler decides, which must not be
// overruled by every release.
func fixedReplicas(s project.Service) *int32 {
	if autoscales(s) {
		return nil
	}
	return new(replicas(s))
}

func deadlineSeconds(s project.Service) *int32 {
	if s.Deadline == "" {
		return nil
	}
	d, err := time.ParseDuration(s.Deadline)
	if err != nil {
		return nil // check has refused it
	}
	return new(int32(d.Seconds()))
}
