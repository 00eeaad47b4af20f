package desired

// Annotations that a manifest may carry to steer how its object is applied.
const (
	// AnnotationHook marks a Job that runs once: with "release" it must complete
	// before workloads change; with "once" it runs beside them, and must complete
	// before those that wait for it.
	AnnotationHook = "slipway.dev/hook"
	HookRelease    = "release"
	HookOnce       = "once"
	// AnnotationAfter names services, separated by commas, whose Jobs must have
	// completed before the workload is applied.
	AnnotationAfter = "slipway.dev/after"
	// AnnotationAdopt ("true") lets Slipway take over an object, or fields of
	// it, that somebody else made.
	AnnotationAdopt = "slipway.dev/adopt"
	// AnnotationReplace ("true") lets Slipway delete an object of any kind and make
	// it anew when the cluster accepts a change in no other way, with the loss that
	// this brings. Jobs that run once need none, nor those whose run is over: to run
	// them anew is what a change of them asks for.
	AnnotationReplace = "slipway.dev/replace"
	// AnnotationPrune says whether the object is deleted once the manifests
	// no longer hold it: "true" or "false". The default is "true", and
	// "false" for kinds that hold data.
	AnnotationPrune = "slipway.dev/prune"
)
