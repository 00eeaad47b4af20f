package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/slipway-dev/slipway/internal/fault"
)

// What a container asks for when its service says nothing. Memory is also
// limited, so that a leak ends in its own pod; CPU is not, because throttling
// only makes a busy service slower.
const (
	defaultCPU         = "50m"
	defaultMemory      = "64Mi"
	defaultMemoryLimit = "512Mi"
)

func resources(in Input) (corev1.ResourceRequirements, error) {
	cpu, err := quantity(in.Name, "resources.cpu", in.Service.Resources.CPU, defaultCPU)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	memory, err := quantity(in.Name, "resources.memory", in.Service.Resources.Memory, defaultMemory)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	limit, err := quantity(in.Name, "resources.memory", in.Service.Resources.Memory, defaultMemoryLimit)
	if err != nil {
		return corev1.ResourceRequirements{}, err
	}
	requirements := corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: limit},
	}
	return requirements, addLimits(requirements, in)
}

// addLimits sets limits that differ from the requests.
func addLimits(r corev1.ResourceRequirements, in Input) error {
	for name, given := range map[corev1.ResourceName]string{corev1.ResourceCPU: in.Limits.CPU, corev1.ResourceMemory: in.Limits.Memory} {
		if given == "" {
			continue
		}
		limit, err := quantity(in.Name, "limits."+string(name), given, "")
		if err != nil {
			return err
		}
		r.Limits[name] = limit
		if request := r.Requests[name]; request.Cmp(limit) > 0 {
			r.Requests[name] = limit // an unsaid request never exceeds what is allowed
		}
	}
	return nil
}

// quantity parses a Kubernetes quantity, or the one that stands for nothing.
func quantity(service, field, given, otherwise string) (resource.Quantity, error) {
	if given == "" {
		given = otherwise
	}
	parsed, err := resource.ParseQuantity(given)
	if err != nil || parsed.Sign() <= 0 {
		return resource.Quantity{}, fault.New(fault.Invalid, "service %s: %s is %.40q; write an amount above zero like 250m or 256Mi", service, field, given)
	}
	return parsed, nil
}
