package naming

import (
	"strconv"
	"strings"
)

// maxStageObject leaves room for a release's number behind a stage's name.
const maxStageObject = 50

// maxOrganization is the length of an organization's name that its resource
// definition allows.
const maxOrganization = 40

// OrganizationNamespace returns slipway-org-<organization>, the namespace on
// the control cluster in which the organization's objects live. A name that
// the resource definition would refuse gets a hash in its place, which is
// longer than any accepted name.
func OrganizationNamespace(organization string) string {
	const prefix = "slipway-org-"
	if isPlain(organization) && len(organization) <= maxOrganization {
		return prefix + organization
	}
	hash := digits("organization", organization) + digits("organization-2", organization) + digits("organization-3", organization)
	return prefix + "x--" + hash
}

// Namespace returns the namespace of a stage: sw-<organization>-<project>-<stage>.
func Namespace(organization, project, stage string) string {
	s := scheme{kind: "namespace", prefix: "sw", limit: maxLabel, free: 2, double: true}
	return s.join(organization, project, stage)
}

// BuildNamespace returns the namespace in which a project's images are built:
// swb-<organization>-<project>.
func BuildNamespace(organization, project string) string {
	s := scheme{kind: "build-namespace", prefix: "swb", limit: maxLabel, free: 1, double: true}
	return s.join(organization, project)
}

// StageObject returns the name of a Stage in the organization's namespace:
// <project>-<stage>.
func StageObject(project, stage string) string {
	s := scheme{kind: "stage", limit: maxStageObject, free: 1, double: true}
	return s.join(project, stage)
}

// Release returns the name of a stage's release: <stageObject>-<sequence>.
func Release(stageObject string, sequence int64) string {
	s := scheme{kind: "release", limit: maxLabel, free: 0}
	return s.join(stageObject, strconv.FormatInt(sequence, 10))
}

// Delivery returns the name of a webhook delivery: <project>-<forge>-<id>. A
// duplicate has the same name.
func Delivery(project, forge, id string) string {
	s := scheme{kind: "delivery", limit: maxLabel, free: 2, double: true}
	return s.join(project, forge, id)
}

// BuildJob returns the name of the Job that builds the image with an input
// hash. It is at most 40 characters, so that pods' names keep it whole.
func BuildJob(inputHash string) string {
	s := scheme{kind: "build-job", prefix: "build", limit: 40, free: 0}
	return s.join(inputHash)
}

// SealIdentity returns the name of the Secret in the organization's namespace
// that opens a project's sealed values.
func SealIdentity(project string) string {
	s := scheme{kind: "seal-identity", prefix: "slipway-seal", limit: maxLabel, free: 0}
	return s.join(project)
}

// ChartSeed returns the name of the Secret in the organization's namespace that
// the generated values of a project's charts are derived from.
func ChartSeed(project string) string {
	s := scheme{kind: "chart-seed", prefix: "slipway-seed", limit: maxLabel, free: 0}
	return s.join(project)
}

// Inventory returns the name of the ConfigMap that holds a stage's inventory.
func Inventory(stageObject string) string {
	s := scheme{kind: "inventory", prefix: "inventory", limit: maxLabel, free: 0}
	return s.join(stageObject)
}

// Bundle returns the name of the Secret that holds a stage's rendered
// manifests with a digest.
func Bundle(stageObject, digest string) string {
	s := scheme{kind: "bundle", prefix: "bundle", limit: maxLabel, free: 0}
	return s.join(stageObject, digest)
}

// GateService returns the name of the Kubernetes Service that leads to the gate beside a
// routed one: slipway-gate-<service>.
func GateService(service string) string {
	s := scheme{kind: "gate-service", prefix: "slipway-gate", limit: maxLabel - len("-ipv4"), free: 0}
	return s.join(service)
}

// StageForRef returns the name of the stage that a pattern rule makes for a
// full ref. It always ends with a hash, which no rule's own name and no
// preview's name does.
func StageForRef(rule, ref string) string {
	s := scheme{kind: "ref", limit: maxLabel}
	short := strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/")
	words := []string{rule, short}
	if strings.HasPrefix(short, rule+"/") {
		words = words[1:]
	}
	name := s.hashed(words)
	return withoutHash(name) + hashMark + digits(s.kind, rule, ref)
}

// StageForPullRequest returns the name of a pull request's preview: pr-<number>
// for the primary repository (empty name), pr-<repository>-<number> else.
func StageForPullRequest(repository string, number int64) string {
	s := scheme{kind: "pull-request", prefix: "pr", limit: maxLabel, free: 0}
	n := strconv.FormatInt(number, 10)
	if repository == "" {
		return s.join(n)
	}
	return s.join(repository, n)
}

// IsStageRule reports whether name can be a stage rule's own name: at most 40
// characters, a DNS label that starts with a letter, and none that a pattern
// rule or a pull request could be given.
func IsStageRule(name string) bool {
	if !isPlain(name) || len(name) > 40 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	return !strings.Contains(name, "--") && name != "pr" && !strings.HasPrefix(name, "pr-")
}

// Host returns the host of a service of a stage below a cluster's domain:
// <service>-<stage>-<project>.<domain>. The domain is taken as it is; a Cluster
// allows at most 190 characters, which always leaves room for a readable label
// within the 253 of a host.
func Host(service, stage, project, domain string) string {
	limit := max(min(maxLabel, maxHost-1-len(domain)), hashDigits+len(hashMark)+1)
	s := scheme{kind: "host", limit: limit, free: 1, double: true}
	return s.join(service, stage, project) + "." + domain
}

// HostProject returns the project that a host's first label, right below a
// cluster's domain, belongs to if Host made it: empty for a label with a hash,
// which is ambiguous. Of a label that Host never makes, generated is false.
func HostProject(label string) (project string, generated bool) {
	if hasHash(label, hashMark) {
		return "", true
	}
	separator := "-"
	if strings.Contains(label, "--") {
		separator = "--"
	}
	parts := strings.Split(label, separator)
	last := parts[len(parts)-1]
	if len(parts) < 3 || separator == "--" && len(parts) > 3 || last == "" {
		return "", false
	}
	return last, true
}

// HostClaim returns the name of the object that says which project uses a
// host.
func HostClaim(host string) string {
	s := scheme{kind: "host-claim", prefix: "host", limit: maxLabel, free: 0}
	return s.hashed([]string{host})
}
