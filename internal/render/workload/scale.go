package workload

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/slipway-dev/slipway/internal/project"
)

// defaultUtilization is the share of the requested CPU, in percent, that an
// autoscaler aims at.
const defaultUtilization = 75

// autoscales reports whether an autoscaler, not the file, decides how many
// pods run.
func autoscales(s project.Service) bool {
	return s.Scale != nil && s.Scale.Max > s.Scale.Min && s.Scale.Min > 0
}

func autoscaler(in Input) *autoscalingv2.HorizontalPodAutoscaler {
	utilization := in.Service.Scale.CPU
	if utilization == 0 {
		utilization = defaultUtilization
	}
	kind := "Deployment"
	if len(in.Service.Volumes) > 0 {
		kind = "StatefulSet"
	}
	return &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   typeMeta("autoscaling/v2", "HorizontalPodAutoscaler"),
		ObjectMeta: meta(in, in.Name, componentService),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: kind, Name: in.Name},
			MinReplicas:    new(in.Service.Scale.Min),
			MaxReplicas:    in.Service.Scale.Max,
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ResourceMetricSourceType,
				Resource: &autoscalingv2.ResourceMetricSource{
					Name:   corev1.ResourceCPU,
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &utilization},
				},
			}},
		},
	}
}

// disruptionBudget lets a node be drained one pod at a time.
func disruptionBudget(in Input) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   typeMeta("policy/v1", "PodDisruptionBudget"),
		ObjectMeta: meta(in, in.Name, componentService),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: new(intstr.FromInt32(1)),
			Selector:       &metav1.LabelSelector{MatchLabels: selector(in)},
		},
	}
}
