package refusal

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

// immutableWords are the API server's words for a field that can't change.
func immutableWords() []string {
	return []string{
		"field is immutable",
		"is immutable after creation",
		"may not change once set",
		"updates to statefulset spec for fields other than",
		"cannot change roleRef",
		"pod updates may not change fields other than",
		"may not be changed",
		"may not be decreased",
		"can not be less than",
		"Value is immutable",
	}
}

// IsImmutable reports whether the causes of an answer refuse the change of an
// immutable field.
func IsImmutable(status *metav1.Status) bool {
	if status.Reason != metav1.StatusReasonInvalid || status.Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Details.Causes, func(c metav1.StatusCause) bool {
		return c.Field != "metadata.uid" && slices.ContainsFunc(immutableWords(), func(words string) bool {
			return strings.Contains(c.Message, words)
		})
	})
}

// IsReplaced reports whether an answer says that the object has another UID
// than the one that was sent.
func IsReplaced(status *metav1.Status) bool {
	if status.Reason == metav1.StatusReasonConflict {
		return strings.Contains(status.Message, "uid mismatch") || strings.Contains(status.Message, "Precondition failed") ||
			strings.Contains(status.Message, "the object has been modified")
	}
	return status.Reason == metav1.StatusReasonInvalid && status.Details != nil &&
		slices.ContainsFunc(status.Details.Causes, func(c metav1.StatusCause) bool { return c.Field == "metadata.uid" })
}

// Immutable returns an ObjectError for an answer that refuses a change which the
// server accepts in a new object only.
func Immutable(ref inventory.Ref, err error) *ObjectError {
	problem := Explain(ref, err)
	problem.Reason, problem.Code, problem.Remedy = cause.Immutable, fault.Invalid, immutableRemedy(ref)
	return problem
}

// immutableRemedy says what to do about a change that only a new object can have.
func immutableRemedy(ref inventory.Ref) string {
	return "take the change back, or set the annotation " + desired.AnnotationReplace + ": \"true\" on it, with which it is deleted and made anew: " + lossOf(ref)
}

// lossOf says what deleting an object loses.
func lossOf(ref inventory.Ref) string {
	switch ref.Kind {
	case "PersistentVolumeClaim":
		return "its data is lost"
	case "StatefulSet":
		return "its pods stop meanwhile, and its volumes stay as they are"
	case "Deployment", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod":
		return "its pods stop meanwhile"
	case "Job":
		return "a run that goes on is ended"
	case "Service":
		return "it gets another address"
	}
	return "what it holds besides its manifest is lost"
}
