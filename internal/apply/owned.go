package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FieldManager is the name under which Slipway owns fields.
const FieldManager = "slipway"

// state is what apply needs to know of a live object.
type state struct {
	uid      string
	version  string // resourceVersion
	fields   string // identifies the fields that Slipway owns, without replicas
	applied  bool   // Slipway has applied the object
	replicas bool   // Slipway owns spec.replicas
	deleting bool
	labels   map[string]string
	managers []manager
	partial  bool // labels and managers are not known
}

// manager is somebody else who owns fields of an object.
type manager struct {
	name        string
	operation   metav1.ManagedFieldsOperationType
	subresource string
}

// observe reads the state of a live object.
func observe(ref Ref, meta *metav1.PartialObjectMetadata) *state {
	s := &state{
		uid:      string(meta.UID),
		version:  meta.ResourceVersion,
		deleting: meta.DeletionTimestamp != nil,
		labels:   meta.Labels,
	}
	for _, entry := range meta.ManagedFields {
		if !isOurs(entry) {
			s.managers = append(s.managers, manager{entry.Manager, entry.Operation, entry.Subresource})
			continue
		}
		s.applied = true
		if entry.FieldsV1 != nil {
			s.fields, s.replicas = ownedFields(entry.FieldsV1.GetRawBytes(), ref.scalable())
		}
	}
	return s
}

func isOurs(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == ""
}

// ownedFields identifies a set of owned fields. For a kind that autoscalers
// scale, spec.replicas is told apart: whether it is owned says whether a human
// or an autoscaler changed it.
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

// untouched reports whether an object is as the entry says it was left. An
// autoscaler may have taken spec.replicas of one that it scales.
func (s *state) untouched(entry Entry, scaled bool) bool {
	return s.uid == entry.UID && s.applied && s.fields == entry.Fields && !s.deleting &&
		(scaled || s.replicas == entry.OwnsReplicas)
}
