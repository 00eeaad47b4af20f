package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// statefulSet gives each pod of a service volumes of its own. They stay when
// the service is scaled down or removed: data is deleted by people or with
// the stage.
func statefulSet(in Input) (*appsv1.StatefulSet, error) {
	template, err := podTemplate(in)
	if err != nil {
		return nil, err
	}
	claims, err := volumeClaims(in)
	if err != nil {
		return nil, err
	}
	return &appsv1.StatefulSet{
		TypeMeta:   typeMeta("apps/v1", "StatefulSet"),
		ObjectMeta: workloadMeta(in),
		Spec: appsv1.StatefulSetSpec{
			Replicas:             fixedReplicas(in.Service),
			MinReadySeconds:      settleSeconds(in.Service),
			ServiceName:          in.Name,
			Selector:             &metav1.LabelSelector{MatchLabels: selector(in)},
			Template:             template,
			VolumeClaimTemplates: claims,
			PodManagementPolicy:  appsv1.ParallelPodManagement,
			RevisionHistoryLimit: new(int32(revisionHistory)),
			UpdateStrategy:       appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType},
		},
	}, nil
}

func volumeClaims(in Input) ([]corev1.PersistentVolumeClaim, error) {
	var claims []corev1.PersistentVolumeClaim
	seen := map[string]bool{}
	for _, volume := range in.Service.Volumes {
		claim, err := volumeClaim(in, volume)
		if err != nil {
			return nil, err
		}
		if seen[claim.Name] {
			return nil, fault.New(fault.Invalid, "service %s: two volumes are called %s; give one of them a name", in.Name, claim.Name)
		}
		seen[claim.Name] = true
		claims = append(claims, claim)
	}
	return claims, nil
}

func volumeClaim(in Input, volume project.Volume) (corev1.PersistentVolumeClaim, error) {
	size, err := quantity(in.Name, "volumes["+volume.Path+"].size", volume.Size, "1Gi")
	if err != nil {
		return corev1.PersistentVolumeClaim{}, err
	}
	return corev1.PersistentVolumeClaim{
		TypeMeta:   typeMeta("v1", "PersistentVolumeClaim"),
		ObjectMeta: metav1.ObjectMeta{Name: VolumeName(volume), Labels: selector(in)},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
		},
	}, nil
}
