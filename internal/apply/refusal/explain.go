package refusal

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/printable"
)

// MaxWords bounds how much of an answer is repeated, in bytes.
const MaxWords = 500

// Explain returns an ObjectError for the server's answer to a request about an
// object.
func Explain(ref inventory.Ref, err error) *ObjectError {
	var known *ObjectError
	if errors.As(err, &known) {
		return known
	}
	problem := &ObjectError{Ref: ref, Reason: cause.Invalid, Code: kube.CodeOf(err), err: err}
	status := StatusOf(err)
	if status == nil {
		problem.Reason, problem.Words, problem.Remedy = cause.Unavailable, "the cluster did not answer", "it is tried again"
		return problem
	}
	problem.Fields = fieldsOf(status)
	problem.Words = printable.Excerpt(wordsOf(status), MaxWords)
	classify(problem, status)
	if ref.Kind == "Secret" {
		conceal(problem, status)
	}
	return problem
}

// classify names the cause and the remedy.
func classify(problem *ObjectError, status *metav1.Status) {
	message := status.Message
	switch {
	case IsQuota(status):
		problem.Reason, problem.Code = cause.Quota, fault.Conflict
		problem.Remedy = "lower what the stage asks for, or raise the quota: cpu and memory are its resources in slipway.yaml, all else is spec.policy.quota of the Cluster or Project"
	case strings.Contains(message, "status unknown for quota"):
		problem.Reason, problem.Code, problem.Remedy = cause.Unavailable, fault.Unavailable, "it is tried again"
	case isUnexpandable(message):
		problem.Reason, problem.Code = cause.Immutable, fault.Invalid
		problem.Remedy = "its storage class does not let volumes grow: take the change back; or ask the platform team for allowVolumeExpansion: true of the class; or give the volume another name, which starts empty"
	case IsAdmission(status):
		problem.Reason, problem.Code = cause.AdmissionRefused, fault.Denied
		problem.Remedy = "change the manifest to what the cluster's policy allows"
	case IsImmutable(status):
		problem.Reason, problem.Code = cause.Immutable, fault.Invalid
		problem.Remedy = immutableRemedy(problem.Ref)
	case strings.Contains(message, "because it is being terminated"):
		problem.Reason, problem.Code, problem.Remedy = cause.NamespaceLost, fault.Conflict, "wait until it is gone, then deploy again"
	case status.Reason == metav1.StatusReasonForbidden:
		problem.Reason = cause.Denied
		problem.Remedy = "allow it in the role slipway-stage of the cluster, or remove the object"
	case status.Reason == metav1.StatusReasonNotFound && status.Details != nil && status.Details.Kind == "namespaces":
		problem.Reason, problem.Code = cause.NamespaceMissing, fault.NotFound
		problem.Remedy = "it is made again with the stage's next release"
	case status.Reason == metav1.StatusReasonConflict:
		problem.Reason = cause.FieldConflict
	case problem.Code == fault.Unavailable && isTypeError(message):
		problem.Code, problem.Remedy = fault.Invalid, "correct the field"
	case problem.Code == fault.Unavailable:
		problem.Reason, problem.Remedy = cause.Unavailable, "it is tried again"
	default:
		problem.Remedy = "correct the field"
	}
}

// IsQuota reports whether a quota of the namespace refused an object.
func IsQuota(status *metav1.Status) bool { return strings.Contains(status.Message, "exceeded quota") }

// IsAdmission reports whether a policy of the cluster refused an object.
func IsAdmission(status *metav1.Status) bool {
	return slices.ContainsFunc([]string{"admission webhook", "ValidatingAdmissionPolicy", "violates PodSecurity"},
		func(words string) bool { return strings.Contains(status.Message, words) })
}

// isUnexpandable reports whether a volume may not grow because of its storage class.
func isUnexpandable(message string) bool {
	return strings.Contains(message, "storageclass that provisions the pvc must support resize")
}

// isTypeError reports whether server-side apply refused fields that the kind
// does not have. The server answers them with a code of its own failures.
func isTypeError(message string) bool {
	return slices.ContainsFunc([]string{
		"failed to create typed patch object", "failed to create typed object", "failed to convert new object",
		"unable to convert unstructured object", "strict decoding error",
	}, func(words string) bool { return strings.Contains(message, words) })
}

// conceal keeps only the reason and the field paths of an answer about a
// Secret, because the answer may quote the Secret's values.
func conceal(problem *ObjectError, status *metav1.Status) {
	problem.err = nil
	reason := string(status.Reason)
	if reason == "" {
		reason = "Invalid"
	}
	problem.Words = "the cluster refused it (" + reason + ")"
	if len(problem.Fields) > 0 {
		problem.Words += " because of " + strings.Join(problem.Fields, ", ")
	}
}

// StatusOf returns what the server answered, nil when an error is no answer.
func StatusOf(err error) *metav1.Status {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return nil
	}
	answer := status.Status()
	return &answer
}

// wordsOf returns the causes of an answer, or its message when it has none.
func wordsOf(status *metav1.Status) string {
	if status.Details == nil || len(status.Details.Causes) == 0 || status.Reason != metav1.StatusReasonInvalid {
		if _, after, found := strings.Cut(status.Message, "): "); found && isTypeError(status.Message) {
			return after // without the object, which the sentence names already
		}
		return status.Message
	}
	var words []string
	for _, c := range status.Details.Causes {
		word, _, _ := strings.Cut(c.Message, "\n") // what follows is a dump of the object
		if len(word) > maxDump {
			word = dump.ReplaceAllString(word, "")
		}
		if c.Field != "" {
			word = c.Field + ": " + word
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, "; ")
}

// dump is a whole object in front of what is wrong with it.
var dump = regexp.MustCompile(`^Invalid value: [A-Za-z.0-9]*\{.*\}: `)

// maxDump is how long an answer about a field may be with the value that it repeats,
// in bytes.
const maxDump = 200

func fieldsOf(status *metav1.Status) []string {
	if status.Details == nil {
		return nil
	}
	var fields []string
	for _, c := range status.Details.Causes {
		if c.Field != "" && !slices.Contains(fields, c.Field) {
			fields = append(fields, printable.Excerpt(c.Field, 120))
		}
	}
	return fields
}
