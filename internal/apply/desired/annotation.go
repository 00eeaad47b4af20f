package desired

// Annotations that a manifest may carry to steer how its object is applied.
const (
	// AnnotationHook marks a Job that must complete before workloads change.
	// Its only value is "release".
	AnnotationHook = "slipway.dev/hook"
	// AnnotationAdopt ("true") lets Slipway take over an object, or fields of
	// it, that somebody else made.
	AnnotationAdopt = "slipway.dev/adopt"
	// AnnotationReplace ("true") lets Slipway delete and create a workload
	// anew when an immutable field changes, with the interruption it brings.
	AnnotationReplace = "slipway.dev/replace"
	// AnnotationPrune says whether the object is deleted once the manifests
	// no longer hold it: "true" or "false". The default is "true", and
	// "false" for kinds that hold data.
	AnnotationPrune = "slipway.dev/prune"
)
