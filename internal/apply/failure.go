package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// maxServerWords bounds what is repeated of an answer, in bytes.
const maxServerWords = 500

// ObjectError is why one object could not be applied.
type ObjectError struct {
	Ref    Ref
	Reason cause.Code
	Code   fault.Code
	// Fields are the paths the server named, never values.
	Fields []string
	// Words are what happened, the server's own where they may be shown.
	Words string
	// Remedy is what to do.
	Remedy string

	err error
}

// Error implements error.
func (e *ObjectError) Error() string {
	if e.Remedy == "" {
		return fmt.Sprintf("%s: %s", e.Ref, e.Words)
	}
	return fmt.Sprintf("%s: %s; %s", e.Ref, e.Words, e.Remedy)
}

// Unwrap returns the server's answer, nil when it may hold a Secret's values.
func (e *ObjectError) Unwrap() error { return e.err }

// Failure is every object that could not be applied, sorted by object. It is
// in the chain of the error that Apply returns; its code is in its own chain.
type Failure struct {
	Objects []*ObjectError
}

// maxListed is how many objects a message names.
const maxListed = 5

// Error implements error.
func (f *Failure) Error() string {
	var lines []string
	for at, object := range f.Objects {
		if at == maxListed {
			lines = append(lines, fmt.Sprintf("and %d more", len(f.Objects)-at))
			break
		}
		lines = append(lines, object.Error())
	}
	return strings.Join(lines, ". ")
}

// Unwrap returns the coded error that users may read. The code is that of the
// first object: what can be retried comes last and so only counts when
// nothing else is wrong.
func (f *Failure) Unwrap() error {
	return fault.New(f.Objects[0].Code, "%s", f.Error())
}

// Cause returns the first object's cause, for a release's status.
func (f *Failure) Cause() cause.Cause {
	first := f.Objects[0]
	return cause.Cause{Code: first.Reason, Object: first.Ref.String(), Sentence: f.Error()}
}

// failed makes one coded error of what went wrong with a set's objects, nil of
// nothing.
func failed(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	failure := &Failure{}
	for _, problem := range problems {
		var object *ObjectError
		if !errors.As(problem, &object) {
			return problem
		}
		failure.Objects = append(failure.Objects, object)
	}
	slices.SortStableFunc(failure.Objects, func(a, b *ObjectError) int {
		if left, right := a.Code == fault.Unavailable, b.Code == fault.Unavailable; left != right {
			if left {
				return 1
			}
			return -1
		}
		return a.Ref.compare(b.Ref)
	})
	return failure
}

// explain makes an ObjectError of what the server answered about an object.
func explain(ref Ref, err error) *ObjectError {
	var known *ObjectError
	if errors.As(err, &known) {
		return known
	}
	problem := &ObjectError{Ref: ref, Reason: cause.Invalid, Code: kube.CodeOf(err), err: err}
	status := statusOf(err)
	if status == nil {
		problem.Reason, problem.Words, problem.Remedy = cause.Unavailable, "the cluster did not answer", "it is tried again"
		return problem
	}
	problem.Fields = fieldsOf(status)
	problem.Words = cause.Clip(wordsOf(status), maxServerWords)
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
	case strings.Contains(message, "exceeded quota"):
		problem.Reason, problem.Code = cause.Quota, fault.Conflict
		problem.Remedy = "lower what the stage asks for, or raise its resources in slipway.yaml"
	case strings.Contains(message, "admission webhook"), strings.Contains(message, "ValidatingAdmissionPolicy"), strings.Contains(message, "violates PodSecurity"):
		problem.Reason, problem.Code = cause.AdmissionRefused, fault.Denied
		problem.Remedy = "change the manifest to what the cluster's policy allows"
	case isImmutable(status):
		problem.Reason, problem.Code = cause.Immutable, fault.Invalid
		problem.Remedy = immutableRemedy(problem.Ref)
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

// isTypeError recognises what server-side apply says of fields that the kind
// does not have, which it answers as if it were the server's own fault.
func isTypeError(message string) bool {
	return slices.ContainsFunc([]string{
		"failed to create typed patch object", "failed to create typed object", "failed to convert new object",
		"unable to convert unstructured object", "strict decoding error",
	}, func(words string) bool { return strings.Contains(message, words) })
}

// conceal drops everything of an answer about a Secret but reason and field
// paths, because the answer may quote its values.
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

func statusOf(err error) *metav1.Status {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return nil
	}
	answer := status.Status()
	return &answer
}

// wordsOf returns the part of an answer that says what is wrong: the causes
// where there are some, without the sentence that repeats them.
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
		if c.Field != "" {
			word = c.Field + ": " + word
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, "; ")
}

func fieldsOf(status *metav1.Status) []string {
	if status.Details == nil {
		return nil
	}
	var fields []string
	for _, c := range status.Details.Causes {
		if c.Field != "" && !slices.Contains(fields, c.Field) {
			fields = append(fields, cause.Clip(c.Field, 120))
		}
	}
	return fields
}

// problem makes an error about one object that no answer of the server
// explains.
func problem(ref Ref, reason cause.Code, code fault.Code, words, remedy string) *ObjectError {
	return &ObjectError{Ref: ref, Reason: reason, Code: code, Words: words, Remedy: remedy}
}
