package key

// buildKeys are about images that are built.
func buildKeys() []Key {
	const noAccess = "a build has no credentials here; remove it, or give the service an image"
	return []Key{
		{Path: "services.*.build", Treatment: inside},
		{Path: "services.*.build.context", Treatment: Mapped, Text: "the directory of the build context, in the same commit; other addresses are errors"},
		{Path: "services.*.build.dockerfile", Treatment: Mapped, Text: "the Dockerfile, inside the context"},
		{Path: "services.*.build.target", Treatment: Mapped, Text: "the stage of the Dockerfile"},
		{Path: "services.*.build.args", Treatment: Mapped, Text: "build arguments; one without a value takes that of the variable of its name"},
		{Path: "services.*.build.dockerfile_inline", Treatment: Refused, Text: "write the Dockerfile into a file, and name it in build.dockerfile"},
		{Path: "services.*.build.additional_contexts", Treatment: Refused, Text: "an image is built from one directory; move what it needs into the context"},
		{Path: "services.*.build.secrets", Treatment: Refused, Text: noAccess},
		{Path: "services.*.build.ssh", Treatment: Refused, Text: noAccess},
		{Path: "services.*.build.privileged", Treatment: Refused, Text: "builds are not privileged; remove it", Harmless: []string{"false"}},
		{Path: "services.*.build.entitlements", Treatment: Refused, Text: "builds are not privileged; remove it"},
		{Path: "services.*.build.isolation", Treatment: Refused, Text: "Windows containers are not supported; remove it", Harmless: []string{"default"}},
		{Path: "services.*.build.network", Treatment: LeftOut, Text: "builds have the cluster's network; it is left out", Harmless: []string{"default", "bridge"}},
		{Path: "services.*.build.extra_hosts", Treatment: LeftOut, Text: "builds use the cluster's name service; it is left out", Harmless: []string{"map[]"}},
		{Path: "services.*.build.labels", Treatment: LeftOut, Text: "labels of images have no readers here; they are left out"},
		{Path: "services.*.build.shm_size", Treatment: LeftOut, Text: "builds have the shared memory that they have; it is left out"},
		{Path: "services.*.build.ulimits", Treatment: LeftOut, Text: "builds have the node's limits; it is left out"},
		{Path: "services.*.build.platforms", Treatment: LeftOut, Text: "images are built for the cluster's nodes; it is left out"},
		{Path: "services.*.build.cache_from", Treatment: Holds, Text: "the project's own cache is used"},
		{Path: "services.*.build.cache_to", Treatment: Holds, Text: "the project's own cache is used"},
		{Path: "services.*.build.no_cache", Treatment: Holds, Text: "what has changed is built again"},
		{Path: "services.*.build.no_cache_filter", Treatment: Holds, Text: "what has changed is built again"},
		{Path: "services.*.build.pull", Treatment: Holds, Text: "base images are looked up at every release"},
		{Path: "services.*.build.tags", Treatment: Holds, Text: "images are known by digest"},
		{Path: "services.*.build.provenance", Treatment: Holds, Text: "a release says what its images were built from"},
		{Path: "services.*.build.sbom", Treatment: LeftOut, Text: "none is made; it is left out", Harmless: []string{"false"}},
		{Path: "services.*.dockerfile", Treatment: Refused, Text: "write it under build"},
	}
}
