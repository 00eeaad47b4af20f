package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Cluster is a Kubernetes API that projects of one organization may be placed
// on.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=swcluster
// +kubebuilder:printcolumn:name="Domain",type=string,JSONPath=`.spec.ingress.domain`
// +kubebuilder:printcolumn:name="Registry",type=string,JSONPath=`.spec.registry.host`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
type Cluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ClusterSpec `json:"spec"`
	// +optional
	Status ClusterStatus `json:"status,omitempty"`
}

// ClusterSpec is how to reach a cluster and what it offers.
type ClusterSpec struct {
	// Kubeconfig names the Secret key (default "kubeconfig") with the
	// credentials. Without it the cluster is the one Slipway runs in.
	// +optional
	Kubeconfig *SecretKey `json:"kubeconfig,omitempty"`
	// +optional
	Ingress Ingress `json:"ingress,omitempty"`
	// Registry receives the images that Slipway builds.
	Registry Registry `json:"registry"`
	// +optional
	Builds Builds `json:"builds,omitempty"`
	// +optional
	Bundles Bundles `json:"bundles,omitempty"`
	// +optional
	Storage Storage `json:"storage,omitempty"`
	// +optional
	Policy ClusterPolicy `json:"policy,omitempty"`
	// AdoptNamespaces are the UIDs of namespaces that exist already and that Slipway
	// takes over, such as those of stages after a restore that gave them new UIDs. Others of the names that it uses are refused.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	AdoptNamespaces []types.UID `json:"adoptNamespaces,omitempty"`
}

// Storage is where persistent volumes come from.
type Storage struct {
	// SharedClass is a storage class whose volumes pods on several nodes mount at
	// once (ReadWriteMany). A volume that several pods use is of this class;
	// without one those pods run on one node. Volumes that exist keep their class.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SharedClass string `json:"sharedClass,omitempty"`
}

// Ingress is how stages are reached from outside.
type Ingress struct {
	// Class is the ingress class of stages' Ingress objects.
	// +optional
	Class string `json:"class,omitempty"`
	// Domain is the base domain: a service gets the host
	// <service>-<stage>-<project>.<domain> unless the project file names one.
	// +optional
	// +kubebuilder:validation:MaxLength=190
	Domain string `json:"domain,omitempty"`
	// Reserved are hosts that no project may use, such as the one that Slipway
	// itself is reached at; "*.x" stands for every host below x.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=200
	Reserved []string `json:"reserved,omitempty"`
	// Scheme and Port are part of the URLs that Slipway shows.
	// +optional
	// +kubebuilder:validation:Enum=http;https
	// +kubebuilder:default=https
	Scheme string `json:"scheme,omitempty"`
	// Port is the port in those URLs; empty means the usual one of the scheme.
	// +optional
	Port int32 `json:"port,omitempty"`
	// TLSSecret names a Secret with a wildcard certificate that the platform team
	// copies into stage namespaces; empty leaves TLS to the controller.
	// +optional
	TLSSecret string `json:"tlsSecret,omitempty"`
	// GatewayAPI makes HTTPRoutes for this Gateway instead of Ingresses.
	// +optional
	Gateway *GatewayReference `json:"gateway,omitempty"`
	// Namespace is where the ingress controller's pods run. They are the only pods
	// outside a stage that may reach its pods.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Networks (CIDR) are where a controller runs that is not a pod. Most network
	// plugins admit a controller on the node itself without this.
	// +optional
	// +listType=set
	Networks []string `json:"networks,omitempty"`
}

// GatewayReference names a Gateway of the Gateway API.
type GatewayReference struct {
	// Name is the name of the Gateway.
	Name string `json:"name"`
	// Namespace is the namespace of the Gateway.
	Namespace string `json:"namespace"`
}

// Registry is an image registry with the right to push below Prefix.
type Registry struct {
	// Host is host or host:port.
	// +kubebuilder:validation:MinLength=1
	Host string `json:"host"`
	// Prefix is put in front of every repository path: a project's images are in
	// host/prefix/organization/project.
	// +optional
	Prefix string `json:"prefix,omitempty"`
	// Shared are paths below host whose images every project on the cluster may use,
	// although they lie where images of organizations and projects do: base images, say.
	// +optional
	// +listType=set
	Shared []string `json:"shared,omitempty"`
	// Insecure allows plain HTTP.
	// +optional
	Insecure bool `json:"insecure,omitempty"`
	// Credentials names a Secret of type kubernetes.io/dockerconfigjson with
	// the right to push.
	// +optional
	Credentials *SecretKey `json:"credentials,omitempty"`
	// PullCredentials names one with the right to pull only; it is copied into
	// stages' namespaces. Empty means that nodes need no credentials to pull.
	// +optional
	PullCredentials *SecretKey `json:"pullCredentials,omitempty"`
	// Mirrors are hosts that builds use instead of docker.io.
	// +optional
	// +listType=set
	Mirrors []string `json:"mirrors,omitempty"`
}

// Builds is how images are built on a cluster.
type Builds struct {
	// Networks (CIDR) are private networks that builds may reach: those of the
	// registry and its mirrors, when they are not on the internet.
	// +optional
	// +listType=set
	Networks []string `json:"networks,omitempty"`
}

// Bundles is where rendered manifests are kept besides the organization's
// namespace.
type Bundles struct {
	// Push also pushes every bundle to the registry, as an OCI artifact that
	// Flux, oras and the like can pull by its digest. A failed push is reported on
	// the Stage and fails no release.
	// +optional
	Push bool `json:"push,omitempty"`
}

// ClusterStatus is what Slipway observed of a cluster.
//
// +structType=atomic
type ClusterStatus struct {
	// ObservedGeneration is the generation of the spec that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Version is the Kubernetes version.
	// +optional
	Version string `json:"version,omitempty"`
	// APIVersions are the API versions that the cluster serves (apps/v1), and the
	// kinds of each (apps/v1/Deployment), sorted. Charts see them as
	// .Capabilities.APIVersions.
	// +optional
	APIVersions []string `json:"apiVersions,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ClusterList is a list of clusters.
// +kubebuilder:object:root=true
type ClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Cluster `json:"items"`
}
