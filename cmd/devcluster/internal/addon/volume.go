package addon

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/volume"
)

// VolumeUser is the volume provisioner's name at the API server.
const VolumeUser = "slipway:volumes"

// VolumeProvisioner lets the provisioner, which runs beside the kubelet, work,
// and makes its storage class the default.
func VolumeProvisioner() []runtime.Object {
	const name = "slipway-volumes"
	volumes := read("", "persistentvolumes")
	volumes.Verbs = append(volumes.Verbs, "create", "delete")
	remove, immediately := corev1.PersistentVolumeReclaimDelete, storagev1.VolumeBindingImmediate
	return []runtime.Object{
		clusterRole(name, []rbacv1.PolicyRule{volumes, read("", "persistentvolumeclaims")}),
		clusterRoleBinding(name, rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: VolumeUser}),
		&storagev1.StorageClass{
			TypeMeta: metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"},
			ObjectMeta: metav1.ObjectMeta{
				Name:        volume.Class,
				Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
			},
			Provisioner: volume.Name, ReclaimPolicy: &remove, VolumeBindingMode: &immediately,
		},
	}
}
