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
)

// AnnotationHook marks a Job that must run, and succeed, before the workloads
// of a release are applied.
const (
	AnnotationHook = "slipway.dev/hook"
	HookRelease    = "release"
)

func labels(in Input, component string) map[string]string {
	return map[string]string{
		labelName:           in.Name,
		labelComponent:      component,
		naming.LabelService: in.Name,
	}
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
