package cluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// FieldManager is the field manager that Slipway applies with.
const FieldManager = "slipway"

// AnnotationIntent is on an object that Slipway made and did not change since: it
// names the inventory's entry that the object was made for.
const AnnotationIntent = "slipway.dev/intent"

// State is what an apply needs to know of a live object.
type State struct {
	UID      string
	Version  string // resourceVersion
	Fields   string // identifies the fields that Slipway owns, without replicas
	Applied  bool   // Slipway has applied the object
	Replicas bool   // Slipway owns spec.replicas
	Deleting bool
	Intent   string // what Slipway made it for; empty for nothing
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
		Intent:   meta.Annotations[AnnotationIntent],
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

// IsOf reports whether an object is the one that an inventory's entry is about: by
// its UID, which nobody can choose; or, when a crash came before that was recorded,
// by the intent that it was made with, provided that nobody but Kubernetes itself
// wrote to it: whoever made an object of that name at the same moment did.
func (s *State) IsOf(entry inventory.Entry) bool {
	if entry.UID != "" && entry.UID == s.UID {
		return true
	}
	return entry.Intent != "" && entry.Intent == s.Intent && s.Applied && !slices.ContainsFunc(s.Managers, func(m Manager) bool {
		return m.Subresource == "" && !strings.HasPrefix(m.Name, "kube-")
	})
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
