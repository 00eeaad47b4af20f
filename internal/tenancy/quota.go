package tenancy

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/fault"
)

// What a container may use that says nothing. The request for ephemeral storage is
// nothing, because nodes that don't count it could run no pod that asks for some.
const (
	defaultCPU              = "50m"
	defaultMemory           = "64Mi"
	defaultMemoryLimit      = "512Mi"
	defaultEphemeralStorage = "4Gi"
)

// newQuota bounds what the stage may ask for, and how many objects it may have.
// Kubernetes Services that would take something of the cluster's are never
// allowed.
func newQuota(s Stage) (*corev1.ResourceQuota, error) {
	quota := s.Policy.Quota
	hard := corev1.ResourceList{
		corev1.ResourcePods:                  count(quota.Pods),
		"count/jobs.batch":                   count(quota.Jobs),
		corev1.ResourceConfigMaps:            count(quota.ConfigMaps),
		corev1.ResourceSecrets:               count(quota.Secrets),
		corev1.ResourceServices:              count(quota.Services),
		corev1.ResourceServicesLoadBalancers: count(0),
		corev1.ResourceServicesNodePorts:     count(0),
	}
	storage, err := resource.ParseQuantity(quota.EphemeralStorage)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "spec.policy.quota.ephemeralStorage of the cluster or project: %q is no quantity; write 100Gi", quota.EphemeralStorage)
	}
	hard[corev1.ResourceLimitsEphemeralStorage] = storage
	for name, text := range map[corev1.ResourceName]string{corev1.ResourceRequestsCPU: s.Resources.CPU, corev1.ResourceRequestsMemory: s.Resources.Memory} {
		if text == "" {
			continue
		}
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "stage %s: resources: %q is no quantity; write 500m, 2, 512Mi or 4Gi", s.Stage, text)
		}
		hard[name] = quantity
	}
	return &corev1.ResourceQuota{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ResourceQuota"},
		ObjectMeta: s.meta("slipway"),
		Spec:       corev1.ResourceQuotaSpec{Hard: hard},
	}, nil
}

// quotaLimit is how long the cluster may take to count what a quota is about.
const quotaLimit = 10 * time.Second

// awaitQuotas waits until every quota is in force: before, the API server refuses
// all that it would count.
func (a *NamespaceApplier) awaitQuotas(ctx context.Context, objects []client.Object) error {
	ctx, cancel := context.WithTimeout(ctx, quotaLimit)
	defer cancel()
	for _, object := range objects {
		wanted, isQuota := object.(*corev1.ResourceQuota)
		if !isQuota {
			continue
		}
		for delay := 5 * time.Millisecond; ; delay = min(2*delay, 500*time.Millisecond) {
			var quota corev1.ResourceQuota
			if err := a.client.Get(ctx, client.ObjectKeyFromObject(wanted), &quota); err != nil {
				return applyFault(err, "read the quota of namespace "+wanted.Namespace)
			}
			if isCounted(wanted, &quota) {
				break
			}
			select {
			case <-ctx.Done():
				return fault.Wrap(fault.Unavailable, ctx.Err(), "namespace %s: the cluster did not count what its quota is about", wanted.Namespace)
			case <-time.After(delay):
			}
		}
	}
	return nil
}

// isCounted reports whether the cluster knows how much there is of everything that
// a quota is about.
func isCounted(wanted, quota *corev1.ResourceQuota) bool {
	for name := range wanted.Spec.Hard {
		if _, counted := quota.Status.Used[name]; !counted {
			return false
		}
	}
	return true
}

func count(n int32) resource.Quantity { return *resource.NewQuantity(int64(n), resource.DecimalSI) }

// newLimitRange gives containers that name nothing a small request and a
// bound, so that quotas count them.
func newLimitRange(s Stage) *corev1.LimitRange {
	return &corev1.LimitRange{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "LimitRange"},
		ObjectMeta: s.meta("slipway"),
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypeContainer,
			DefaultRequest: corev1.ResourceList{
				corev1.ResourceCPU:              resource.MustParse(defaultCPU),
				corev1.ResourceMemory:           resource.MustParse(defaultMemory),
				corev1.ResourceEphemeralStorage: count(0),
			},
			Default: corev1.ResourceList{
				corev1.ResourceMemory:           resource.MustParse(defaultMemoryLimit),
				corev1.ResourceEphemeralStorage: resource.MustParse(defaultEphemeralStorage),
			},
		}}},
	}
}
