package internal_test

// Why a limit is on no page.
const (
	shown  = "cuts what people are shown"
	cached = "bounds what is kept in memory, and can be had again"
	pace   = "says when something is tried again, or how much at once"
	behind = "stands behind a limit of the page that is met first"
	style  = "changes how a file is written, or how hard something is tried, not what comes of it"
	format = "is a format's, or Kubernetes' own"
)

// inner are the limits that nobody meets, with the reason why.
func inner() map[string]string {
	all := map[string]string{}
	for why, names := range map[string][]string{
		shown: {
			"acceptance.maxNamed", "acceptance.maxValue", "apply.maxWarnings", "apply/cause.maxDetail", "apply/cause.maxLines", "apply/cause.maxWords", "apply/diff.maxFields",
			"apply/diff.maxShown", "apply/ready.maxWarnings", "apply/refusal.MaxWords", "apply/refusal.maxListed", "build.maxCauseBytes", "build/kaniko.maxErrorBytes",
			"build/kaniko.maxInstructionBytes", "build/kaniko.maxLineBytes", "build/kaniko.maxMessageBytes", "build/kaniko.maxOutputBytes", "controller/cluster.maxShown",
			"controller/drift.maxReported", "controller/project.maxChanges", "git/wire.stderrBytes", "guard.maxShown", "manifest.maxShown", "release/runner.maxFindings",
			"release/runner.maxWarnings", "render/worker.tailBytes", "repository.maxShownURL", "scm.maxName", "scm.maxLabels", "scm.maxRepos", "scm/bitbucket.maxKey",
			"scm/github.maxMessage", "scm/github.maxSummary", "detect.maxReasons", "detect/files.maxComments", "guard.maxPatched", "render/source/helm.maxShown",
			"apply/refusal.maxDump", "controller/project.maxNamed", "controller/entrance.maxMessage", "report.maxDiffLine", "report.maxDiffLines", "report.maxDiffs", "release/runner.maxRefused", "tenancy.maxRemains",
			"build/assemble.maxHistoryText", "release/runner.maxNamedSources", "release/runner.maxWhy",
		},
		style: {
			"detect.maxLine", "detect.maxRounds", "detect.maxSets", "detect/language.maxMains", "detect/language.maxMembers", "detect/language.maxSources", "render/source/helm.maxNamed",
		},
		cached: {
			"build.maxConfigs", "build/assemble.maxBases", "build/assemble.maxIndexBytes", "build/assemble.maxKept",
			"apply/inventory.maxRemembered", "build.maxCachedDigests", "build.maxTokenHosts", "controller/comment.maxComments", "controller/project.maxDecided",
			"controller/project.maxLongHosts", "controller/project.maxServed", "controller/release.maxDetails", "controller/report.maxReported", "controller/unchanged.maxProjects",
			"forge.maxForgeClients", "forge.maxProjects", "git.Limits.CacheBytes", "git.Limits.Warm", "git.Limits.IndexBytes", "git/packindex.memoryBytes", "git.localLargeBytes", "kube.maxSecrets",
			"notify/deployment.maxKnown", "repository.maxDocuments", "target.maxFingerprints", "tenancy.maxRemembered", "webhook.Limits.Table", "controller/project.maxExpired",
			"git/wire.maxTrusting", "controller/entrance.maxRoutes",
		},
		pace: {
			"apply.goneTimeout", "apply.maxAttempts", "apply.maxDeletes", "apply.maxSends", "apply.recordTimeout", "apply/ready.logTimeout", "build/kaniko.startTimeout",
			"cli/control.completionLimit", "content.maxShowDelays", "controller.deliveryGateLimit", "controller.unavailableTimeout", "dial.lookupTimeout", "dial.pingTimeout",
			"fastpath.StatusGateLimit", "gate.probeTimeout", "fastpath.writeTimeout", "git.Limits.Packs", "git/mirror.maxHaves", "operate.maxRequests", "operate.unattendedLimit", "operate.verdictLimit",
			"release/runner.maxDelay", "render/source/compose.healthTimeout", "render/worker.Limits.Renders", "target.pushTimeout", "target.rightsLimit", "tenancy.quotaLimit",
			"build/assemble.timeLimit",
		},
		behind: {
			"apply/cluster.maxWhole", "apply/desired.maxDocuments", "apply/desired.maxManifests", "bundle.MaxManifests", "guard.maxManifests", "git/mirror.maxMergeBytes",
			"release/fingerprint.maxSize", "release/fingerprint.maxText", "render/source/compose/file.maxProbes", "seal.maxIdentities", "projectfile.MaxBytes",
			"build.maxLayer", "build/source.maxTokenBytes", "manifest.NodeLimits.Depth", "manifest.NodeLimits.Documents",
		},
		format: {
			"api/v1alpha1.maxReplayMark", "apply/inventory.plainLimit", "build/source.minKeyBytes", "git/packindex.blockBytes", "git/packindex.maxCommand", "git/packindex.objectBytes", "git/packindex.overheadBytes", "apply/cluster.Limits.successes", "git/wire.hexBytes", "naming.maxHost", "naming.maxLabel",
			"naming.maxOrganization", "naming.maxStageObject", "render/source/compose.defaultLimit", "render/worker.prefixBytes", "projectfile.DefaultPreviewLimit",
			"tenancy.minKeyBytes", "target.seedBytes",
		},
	} {
		for _, name := range names {
			all[name] = why
		}
	}
	return all
}
