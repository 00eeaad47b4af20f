package guard

// Rule is the short name of a rule, as findings and docs/guard.md show it.
type Rule string

// The rules. Table says what each refuses.
const (
	RuleKind            Rule = "kind"
	RuleShape           Rule = "shape"
	RuleName            Rule = "name"
	RuleNamespace       Rule = "namespace"
	RuleMetadata        Rule = "metadata"
	RuleAnnotation      Rule = "annotation"
	RuleLabel           Rule = "label"
	RuleDuplicate       Rule = "duplicate"
	RulePlaintextSecret Rule = "plaintext-secret"
	RuleSecretType      Rule = "secret-type"
	RuleServiceType     Rule = "service-type"
	RuleServiceReach    Rule = "service-reach"
	RuleServiceSelector Rule = "service-selector"
	RuleHost            Rule = "host"
	RuleHostOwner       Rule = "host-owner"
	RulePath            Rule = "path"
	RuleBackend         Rule = "backend"
	RuleIngressClass    Rule = "ingress-class"
	RuleGateway         Rule = "gateway"
	RuleFilter          Rule = "filter"
	RuleAccount         Rule = "account"
	RuleToken           Rule = "token"
	RuleVolume          Rule = "volume"
	RuleNode            Rule = "node"
	RulePermission      Rule = "permission"
	RulePriority        Rule = "priority"
	RuleNeighbours      Rule = "neighbours"
	RulePod             Rule = "pod"
	RuleProbe           Rule = "probe"
	RulePrivileged      Rule = "privileged"
	RuleSecurity        Rule = "security"
	RuleCapability      Rule = "capability"
	RuleRoot            Rule = "root"
	RuleUserNamespace   Rule = "user-namespace"
	RuleContained       Rule = "contained"
	RuleRestricted      Rule = "restricted"
	RuleImage           Rule = "image"
	RuleImageDigest     Rule = "image-digest"
	RuleImageRegistry   Rule = "image-registry"
	RuleImageOwner      Rule = "image-owner"
	RuleJob             Rule = "job"
	RuleScaler          Rule = "scaler"
	RuleDisruption      Rule = "disruption"
)

// Row is one row of the table of rules.
type Row struct {
	Rule Rule
	// Refuses says what the rule does not let through, and why.
	Refuses string
	// Instead says what to do.
	Instead string
}

// Table returns all rules; docs/guard.md shows it.
func Table() []Row {
	return append(objectRules(), append(trafficRules(), podRules()...)...)
}

func objectRules() []Row {
	return []Row{
		{RuleKind, "Kinds and API versions that are not on the list below: what is cluster-wide, gives rights, or hides objects in a list.", "Use a kind of the list, or ask the platform team for the Cluster's `spec.policy.kinds`. Kinds that give rights are never allowed."},
		{RuleShape, "Fields that the kind does not have, and values of another type than the field's.", "Correct the spelling or the type."},
		{RuleName, "Missing, generated and invalid names, and names that Slipway or Kubernetes needs itself.", "Give the object a fixed name of its own."},
		{RuleNamespace, "Any namespace but the stage's own.", "Leave `metadata.namespace` out."},
		{RuleMetadata, "Finalizers, owners and other metadata that would keep a stage from being taken down.", "Keep to name, labels and annotations."},
		{RuleAnnotation, "Annotations that are not on the list below: controllers of the cluster act on them with rights of their own.", "Use a key without a prefix, or ask the platform team for the Cluster's `spec.policy.metadata`."},
		{RuleLabel, "Labels that are not on the list below, for the same reason, and `slipway.dev/` labels that Slipway sets itself.", "As for annotations."},
		{RuleDuplicate, "Two objects of the same kind and name.", "Rename or remove one."},
		{RulePlaintextSecret, "Secrets with values: what is in git is known to all who can read it.", "Name an existing Secret in the service's `secrets`."},
		{RuleSecretType, "Secrets of a type that Kubernetes fills or acts upon, such as service account tokens.", "Leave `type` out."},
		{RuleAccount, "Use or change of the accounts `slipway-stage` and `default`, and tokens bound to an account.", "Give the service an account of its own."},
		{RuleVolume, "Volumes of the node or of others: everything but configMap, secret, emptyDir, downwardAPI, projected and claims; claims for a volume by name, selector or source; raw devices; mounts that propagate.", "Use a claim with a storage class and a size."},
		{RuleJob, "Jobs that somebody else than Kubernetes runs.", "Remove the field."},
		{RuleScaler, "Autoscalers of anything but a Deployment or StatefulSet, and metrics of anything but the stage's own pods.", "Scale on cpu, memory or a metric of the pods."},
		{RuleDisruption, "Budgets that never allow a pod to be moved: nodes could not be maintained.", "Set `maxUnavailable: 1`."},
	}
}

func trafficRules() []Row {
	return []Row{
		{RuleServiceType, "Kubernetes Services that are not of type ClusterIP.", "Reach the service through `routes` or an Ingress. Set the type in the chart's values, or paste the patch that the finding shows into an overlay."},
		{RuleServiceReach, "External IPs and names, node ports, fixed cluster IPs and whatever else reaches out of the namespace.", "Remove the field."},
		{RuleServiceSelector, "Kubernetes Services without a selector: somebody else says where they lead.", "Select the service's pods."},
		{RuleHost, "Routes without a host, with a wildcard, or for a host that the project was not given: its stages' own hosts below the cluster's domain are its, all others only when `spec.hosts` of the Project lists them.", "Leave the host out to get the stage's own, or let the platform team list it."},
		{RuleHostOwner, "Routes for a host that another project of the cluster uses, that the platform team keeps, or that Slipway gives to a service of another project: right below the cluster's domain, names of three or more words joined by dashes.", "Choose another host, or leave it out to get the stage's own."},
		{RulePath, "Paths and values of route annotations with characters that ingress controllers paste into their own configuration.", "Keep to letters, digits and the usual signs of URLs."},
		{RuleBackend, "Routes that lead anywhere but to a Kubernetes Service of the stage.", "Name a Kubernetes Service of the stage."},
		{RuleIngressClass, "An ingress class other than the cluster's.", "Leave `ingressClassName` out."},
		{RuleGateway, "HTTPRoutes of any Gateway but the cluster's.", "Use `routes` of the service."},
		{RuleFilter, "HTTPRoute filters that reach out of the route, such as mirrors and extensions.", "Keep to redirects, rewrites and headers."},
	}
}

func podRules() []Row {
	return []Row{
		{RuleNode, "What belongs to the node: its network, processes, ports, devices, a node by name; runtime classes that the cluster does not allow.", "Remove the field, or ask the platform team for the Cluster's `spec.policy.runtimeClasses`."},
		{RulePermission, "What needs a [permission](#permissions) that the stage does not have.", "Remove the field, or ask the platform team for `spec.policy.allow` of the Cluster or Project."},
		{RulePriority, "Priority classes that the cluster does not allow: their pods would push others' off the nodes.", "Remove the field, or ask the platform team for the Cluster's `spec.policy.priorityClasses`."},
		{RuleNeighbours, "Affinity to pods of other namespaces: it can keep others from being scheduled.", "Remove `namespaces` and `namespaceSelector`."},
		{RulePod, "Fields of pods and containers that are not known to be harmless, and a grace period over an hour.", "Remove the field."},
		{RuleProbe, "Probes and lifecycle hooks with a host: the node itself would call it.", "Leave `host` out; the pod is called."},
		{RuleToken, "Projected certificates: they speak for the pod to the cluster and to clouds.", "Remove the source."},
		{RulePrivileged, "Privileged containers: they are root on the node.", "Remove the field."},
		{RuleSecurity, "Weaker confinement: unsafe sysctls, SELinux and Windows options, profiles that are not RuntimeDefault, procMount, pods of another operating system.", "Use RuntimeDefault, or remove the field."},
		{RuleCapability, "Added capabilities that the [level](#levels) does not give.", "Remove the capability."},
		{RuleUserNamespace, "Under `contained`, pods that share the node's users: `hostUsers: true`, or no `hostUsers: false` where a container may be root.", "Remove the field; Slipway sets it."},
		{RuleContained, "Under `contained`, containers that may gain rights, or have no seccomp profile.", "Remove the field that the finding names; Slipway sets it."},
		{RuleRoot, "Under `restricted`, containers that run as user 0.", "Name another user, or ask the platform team for another level."},
		{RuleRestricted, "Under `restricted`, pods that do not say so: no privilege escalation, no capabilities, not as root, a seccomp profile.", "Set the field that the finding names."},
		{RuleImage, "What is no image reference.", "Correct it."},
		{RuleImageDigest, "Images by tag: tags move.", "Let Slipway resolve it, or add `@sha256:…`."},
		{RuleImageRegistry, "Images from registries that the cluster does not allow.", "Push the image to an allowed registry."},
		{RuleImageOwner, "Images in the cluster's registry that are another project's or organization's, in pods and in whatever else an allowed kind may hold: `ORGANIZATION/PROJECT` below its prefix, and all below that.", "Use an image of the project's own, or ask the platform team to share it in the Cluster's `spec.registry.shared`."},
	}
}
