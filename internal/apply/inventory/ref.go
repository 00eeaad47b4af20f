package inventory

import (
	"cmp"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ref names one object. Namespace is empty for a cluster-scoped one.
type Ref struct {
	Group     string
	Version   string
	Kind      string
	Namespace string
	Name      string
}

// Key is a Ref without its version: one object, however it is written.
type Key struct {
	Group     string
	Kind      string
	Namespace string
	Name      string
}

// Key returns the object's identity across versions of its kind.
func (r Ref) Key() Key {
	return Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

// String returns the words for the object in a sentence: "Deployment web";
// those for all of a kind without a name.
func (r Ref) String() string {
	if r.Name == "" {
		return "every " + r.Kind
	}
	return r.Kind + " " + r.Name
}

// APIVersion returns group/version as written in a manifest.
func (r Ref) APIVersion() string { return r.GroupVersion().String() }

// GroupVersion returns the API version of the object's kind.
func (r Ref) GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: r.Group, Version: r.Version}
}

// GroupKind returns the object's kind.
func (r Ref) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: r.Group, Kind: r.Kind}
}

// Scalable reports whether an autoscaler may own the kind's spec.replicas.
func (r Ref) Scalable() bool {
	switch r.Group {
	case "apps":
		return r.Kind == "Deployment" || r.Kind == "StatefulSet" || r.Kind == "ReplicaSet"
	case "":
		return r.Kind == "ReplicationController"
	}
	return false
}

// Compare orders objects by group, kind, namespace and name.
func (r Ref) Compare(other Ref) int {
	return cmp.Or(
		cmp.Compare(r.Group, other.Group),
		cmp.Compare(r.Kind, other.Kind),
		cmp.Compare(r.Namespace, other.Namespace),
		cmp.Compare(r.Name, other.Name),
	)
}
