package v1alpha1

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Organization is an isolated group of people. It owns the namespace
// slipway-org-<name>, in which all its other objects live.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=sworg
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$')",message="an organization's name has at most 40 lower-case letters, digits and dashes"
// +kubebuilder:printcolumn:name="Namespace",type=string,JSONPath=`.status.namespace`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Organization struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +optional
	Spec OrganizationSpec `json:"spec,omitempty"`
	// +optional
	Status OrganizationStatus `json:"status,omitempty"`
}

// OrganizationSpec is what the platform team decides about an organization.
type OrganizationSpec struct {
	// DisplayName is the name for people.
	// +optional
	// +kubebuilder:validation:MaxLength=120
	DisplayName string `json:"displayName,omitempty"`
	// Members are the people and groups with a role in the organization.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	Members []OrganizationMember `json:"members,omitempty"`
	// Templates are service templates that projects of the organization may
	// use besides the built-in ones.
	// +optional
	Templates Templates `json:"templates,omitempty"`
	// AdoptNamespaces are the UIDs of namespaces that exist already and that Slipway
	// takes over as the organization's. Others of the names that it uses are refused.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	AdoptNamespaces []types.UID `json:"adoptNamespaces,omitempty"`
}

// Templates are an organization's own service templates, and the parameters that it
// fixes in any template.
type Templates struct {
	// ConfigMaps of the organization's namespace hold template descriptors,
	// one under each key that ends with .yaml. A template that has the name of
	// a built-in one replaces it.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	ConfigMaps []string `json:"configMaps,omitempty"`
	// Locks fix lockable parameters: projects can't choose another value.
	// +optional
	// +listType=map
	// +listMapKey=template
	// +listMapKey=parameter
	// +kubebuilder:validation:MaxItems=200
	Locks []TemplateLock `json:"locks,omitempty"`
}

// TemplateLock fixes one parameter of a template.
type TemplateLock struct {
	// Template is the name of a template.
	// +kubebuilder:validation:MaxLength=40
	Template string `json:"template"`
	// Parameter is the name of one of its lockable parameters.
	// +kubebuilder:validation:MaxLength=40
	Parameter string `json:"parameter"`
	// Value is a string, number or boolean, as the parameter's type requires.
	Value apiextensionsv1.JSON `json:"value"`
}

// OrganizationMember gives a person or a group a role in the organization.
// +kubebuilder:validation:XValidation:rule="has(self.user) != has(self.group)",message="set exactly one of user and group"
type OrganizationMember struct {
	// User is the name of a user.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	User string `json:"user,omitempty"`
	// Group is the name of a group.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Group string `json:"group,omitempty"`
	// Role is what the member may do in the organization.
	// +kubebuilder:validation:Enum=owner;admin;billing;member
	Role string `json:"role"`
}

// OrganizationStatus is what Slipway observed of an organization.
//
// +structType=atomic
type OrganizationStatus struct {
	// ObservedGeneration is the generation of the spec that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Namespace is the organization's namespace.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OrganizationList is a list of organizations.
// +kubebuilder:object:root=true
type OrganizationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Organization `json:"items"`
}
