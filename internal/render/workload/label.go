package workload

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/naming"
)

// Labels of every object of a service. The component tells the pods that
// serve from those that run once, which must never get traffic.
const (
	labelName      = "app.kubernetes.io/name"
	labelComponent = "app.kubernetes.io/component"

	componentService  = "service"
	componentRelease  = "release"
	componentSchedule = "schedule"
	componentOnce     = "once"

	// labelTogether is on pods that run on one node.
	labelTogether = "app.kubernetes.io/part-of"
)

// AnnotationHook marks a Job that must run, and succeed, before the workloads
// of a release are applied.
const (
	AnnotationHook = "slipway.dev/hook"
	HookRelease    = "release"
	// HookOnce marks a Job that runs once for each version of its service.
	HookOnce = "once"
	// AnnotationAfter names services, separated by commas, whose Jobs must have
	// succeeded before a workload is applied.
	AnnotationAfter = "slipway.dev/after"
)

func labels(in Input, component string) map[string]string {
	return map[string]string{
		labelName:           in.Name,
		labelComponent:      component,
		naming.LabelService: in.Name,
	}
}

// podLabels are the labels of the service's pods.
func podLabels(in Input, component string) map[string]string {
	all := labels(in, component)
	if in.Together != "" {
		all[labelTogether] = in.Together
	}
	return all
}

// selector never changes during a service's life: Kubernetes forbids it.
func selector(in Input) map[string]string {
	return map[string]string{
		naming.LabelService: in.Name,
		labelComponent:      componentService,
	}
}

func meta(in Input, name, component string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: labels(in, component)}
}

func typeMeta(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}
