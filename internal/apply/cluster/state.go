package cluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// FieldManager is the field manager that Slipway applies with.
const FieldManager = "slipway"

// State is what an apply needs to know of a live object.
type State struct {
	UID      string
	Version  string // resourceVersion
	Fields   string // identifies the fields that Slipway owns, without replicas
	Applied  bool   // Slipway has applied the object
	Replicas bool   // Slipway owns spec.replicas
	Deleting bool
	Labels   map[string]string
	Managers []Manager
	Partial  bool // labels and managers are not known
}

// Manager is somebody else who owns fields of an object.
type Manager struct {
	Name        string
	Operation   metav1.ManagedFieldsOperationType
	Subresource string
}

// StateOf reads the state of a live object.
func StateOf(ref inventory.Ref, meta *metav1.PartialObjectMetadata) *State {
	s := &State{
		UID:      string(meta.UID),
		Version:  meta.ResourceVersion,
		Deleting: meta.DeletionTimestamp != nil,
		Labels:   meta.Labels,
	}
	for _, entry := range meta.ManagedFields {
		if !IsOurs(entry) {
			s.Managers = append(s.Managers, Manager{entry.Manager, entry.Operation, entry.Subresource})
			continue
		}
		s.Applied = true
		if entry.FieldsV1 != nil {
			s.Fields, s.Replicas = ownedFields(entry.FieldsV1.GetRawBytes(), ref.Scalable())
		}
	}
	return s
}

// IsOurs reports whether an entry of managedFields holds the fields that
// Slipway applied.
func IsOurs(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// ownedFields identifies a set of owned fields. For a kind that autoscalers
// scale, it leaves spec.replicas out and returns whether that is owned: an
// autoscaler may have taken it.
func ownedFields(raw []byte, scalable bool) (fields string, replicas bool) {
	if scalable {
		token := []byte(`"f:replicas":{}`)
		if replicas = bytes.Contains(raw, token); replicas {
			raw = bytes.ReplaceAll(raw, append(token[:len(token):len(token)], ','), nil)
			raw = bytes.ReplaceAll(raw, append([]byte{','}, token...), nil)
			raw = bytes.ReplaceAll(raw, token, nil)
		}
	}
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:12]), replicas
}

// Untouched reports whether an object is as the last apply left it, by its
// entry. An autoscaler may have taken spec.replicas of an object that it
// scales.
func (s *State) Untouched(entry inventory.Entry, scaled bool) bool {
	return s.UID == entry.UID && s.Applied && s.Fields == entry.Fields && !s.Deleting &&
		(scaled || s.Replicas == entry.OwnsReplicas)
}
