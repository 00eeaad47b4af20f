package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group is the API group of every custom resource of Slipway.
const Group = "slipway.dev"

// GroupVersion returns the group and version of the types in this package.
func GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: Group, Version: "v1alpha1"}
}

// AddToScheme registers the types of this package.
func AddToScheme(scheme *runtime.Scheme) error {
	gv := GroupVersion()
	scheme.AddKnownTypes(gv,
		&Organization{}, &OrganizationList{},
		&Cluster{}, &ClusterList{},
		&Project{}, &ProjectList{},
		&Stage{}, &StageList{},
		&Release{}, &ReleaseList{},
		&Delivery{}, &DeliveryList{},
		&Acceptance{}, &AcceptanceList{},
	)
	metav1.AddToGroupVersion(scheme, gv)
	return nil
}
