package refusal

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
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

// immutableRemedy says what to do about an immutable field that is not
// replaced.
func immutableRemedy(ref inventory.Ref) string {
	switch ref.Kind {
	case "StatefulSet":
		return "take the change back; or give the service another name, which starts with empty volumes; or, to keep the volumes, run kubectl delete statefulset " +
			ref.Name + " --cascade=orphan in namespace " + ref.Namespace + " and deploy again"
	case "PersistentVolumeClaim":
		return "take the change back: a volume can grow but not change otherwise; or give the volume another name, which starts empty"
	case "Service":
		return "remove the address from the manifest; to have another one, run kubectl delete service " + ref.Name + " in namespace " + ref.Namespace + " and deploy again"
	case "Deployment", "DaemonSet", "ReplicaSet":
		return "take the change back; or set the annotation " + desired.AnnotationReplace + ": \"true\" on it, which stops its pods before the new ones start"
	}
	return "take the change back, or give the object another name"
}
