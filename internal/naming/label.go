package naming

import "strings"

// Label keys on every object that Slipway makes.
const (
	LabelOrganization = "slipway.dev/organization"
	LabelProject      = "slipway.dev/project"
	LabelStage        = "slipway.dev/stage"
	LabelService      = "slipway.dev/service"
	LabelRelease      = "slipway.dev/release"
	LabelSealed       = "slipway.dev/sealed"       // on Secrets made from sealed values
	LabelPodSecurity  = "slipway.dev/pod-security" // on stages' namespaces: the level of their pods
	LabelManagedBy    = "app.kubernetes.io/managed-by"
)

// ManagedBy is the value of LabelManagedBy.
const ManagedBy = "slipway"

// Annotation keys. Values that people choose freely (refs) belong in
// annotations, where no character is forbidden.
const (
	AnnotationRef        = "slipway.dev/ref"
	AnnotationCommit     = "slipway.dev/commit"
	AnnotationConfigHash = "slipway.dev/config-hash"
	AnnotationSealHash   = "slipway.dev/seal-hash"
	AnnotationGenerated  = "slipway.dev/generated" // names the fields that hold generated values
	// AnnotationAllow of a stage's namespace is what its pods may have beyond others.
	AnnotationAllow = "slipway.dev/allow"
	// AnnotationOwner proves that Slipway made a namespace or a Secret.
	AnnotationOwner = "slipway.dev/owner"
	// AnnotationWantedAgain of a Stage that is being deleted is the commit that its
	// ref came back with.
	AnnotationWantedAgain = "slipway.dev/wanted-again"
	// AnnotationRegistry of a stage's namespace is the path that images of all
	// organizations lie below; AnnotationImages are those below it that its pods may use.
	AnnotationRegistry = "slipway.dev/registry"
	AnnotationImages   = "slipway.dev/images"
)

// StageServiceAccount is the service account in a stage's namespace that
// Slipway impersonates for every write there.
const StageServiceAccount = "slipway-stage"

// PullSecret is the Secret in a stage's namespace that its pods pull images
// with.
const PullSecret = "slipway-pull"

// labelMark stands between the readable part and the hash of a label value.
// It differs from hashMark, so that every name of this package is its own
// label value.
const labelMark = "__"

// LabelValue returns s when it is a valid label value, and otherwise what can
// be read of it with a hash of the exact s.
func LabelValue(s string) string {
	if isLabelValue(s) && !hasHash(s, labelMark) {
		return s
	}
	return cut(readable(s), maxLabel-len(labelMark)-hashDigits) + labelMark + digits("label", s)
}

func isLabelValue(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > maxLabel || !isAlphanumeric(s[0]) || !isAlphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && !strings.Contains("-_.", s[i:i+1]) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
