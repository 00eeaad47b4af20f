package guard

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// permission is something that pods have only where the platform team allows it,
// whatever source they come from.
type permission struct {
	name v1alpha1.Permission
	// lets says what it lets pods do.
	lets string
	// asked returns the fields by which a pod asks for it, with their path in its
	// spec.
	asked func(spec any) []string
}

// permissions are all of them; docs/guard.md shows them. The chart's admission
// policy slipway-pods holds pods to the same.
func permissions() []permission {
	return []permission{
		{v1alpha1.PermissionServiceTokens, "hold a token of their service account: `automountServiceAccountToken` that isn't `false`, projected tokens", tokens},
		{v1alpha1.PermissionNodeSelection, "choose nodes by labels but `kubernetes.io/os` and `kubernetes.io/arch`, or by name: `nodeSelector`, node affinity", nodeSelection},
		{v1alpha1.PermissionTolerations, "run on nodes that are kept for something else: `tolerations`", tolerations},
		{v1alpha1.PermissionTopology, "be spread by labels of nodes but hostname, zone and region: `topologyKey` of spread constraints and affinity", topology},
		{v1alpha1.PermissionDNS, "look names up elsewhere: `dnsPolicy`, `nameservers` and `searches` of `dnsConfig`", dns},
		{v1alpha1.PermissionHostAliases, "give names to addresses: `hostAliases`", hostAliases},
	}
}

// permitted refuses what a pod asks for and is not allowed.
func (c *check) permitted(path string, spec any) {
	for _, permission := range permissions() {
		if slices.Contains(c.policy.Allow, permission.name) {
			continue
		}
		for _, field := range permission.asked(spec) {
			remedy := "remove it"
			if field == automount {
				remedy = "set it to false"
			}
			c.refuse(RulePermission, path+"."+field, "needs the permission %s; %s, or let the platform team add that to spec.policy.allow of the Cluster or Project", string(permission.name), remedy)
		}
	}
}

const automount = "automountServiceAccountToken"

func tokens(spec any) []string {
	var asked []string
	if field(spec, automount) != false && len(list(spec, "containers")) > 0 { // without any it is no pod
		asked = append(asked, automount)
	}
	for i, volume := range list(spec, "volumes") {
		for j, source := range list(field(volume, "projected"), "sources") {
			if field(source, "serviceAccountToken") != nil {
				asked = append(asked, fmt.Sprintf("volumes[%d].projected.sources[%d].serviceAccountToken", i, j))
			}
		}
	}
	return asked
}

func nodeSelection(spec any) []string {
	var asked []string
	for _, key := range keys(field(spec, "nodeSelector")) {
		if !isPlatform(key) {
			asked = append(asked, join("nodeSelector", key))
		}
	}
	const required, preferred = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
	affinity := at(spec, "affinity", "nodeAffinity")
	for i, term := range list(field(affinity, required), "nodeSelectorTerms") {
		asked = append(asked, nodeTerm(fmt.Sprintf("affinity.nodeAffinity.%s.nodeSelectorTerms[%d]", required, i), term)...)
	}
	for i, term := range list(affinity, preferred) {
		asked = append(asked, nodeTerm(fmt.Sprintf("affinity.nodeAffinity.%s[%d].preference", preferred, i), field(term, "preference"))...)
	}
	return asked
}

// nodeTerm returns what of a term chooses nodes by more than their platform.
func nodeTerm(path string, term any) []string {
	var asked []string
	if len(list(term, "matchFields")) > 0 {
		asked = append(asked, path+".matchFields")
	}
	for i, expression := range list(term, "matchExpressions") {
		if !isPlatform(text(expression, "key")) {
			asked = append(asked, fmt.Sprintf("%s.matchExpressions[%d].key", path, i))
		}
	}
	return asked
}

// isPlatform reports whether a label of nodes says only what programs run there.
func isPlatform(key string) bool { return key == "kubernetes.io/os" || key == "kubernetes.io/arch" }

func tolerations(spec any) []string {
	var asked []string
	for i, toleration := range list(spec, "tolerations") {
		if !slices.Contains([]string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}, text(toleration, "key")) {
			asked = append(asked, fmt.Sprintf("tolerations[%d]", i))
		}
	}
	return asked
}

func topology(spec any) []string {
	var asked []string
	for i, constraint := range list(spec, "topologySpreadConstraints") {
		if !isUsualTopology(text(constraint, "topologyKey")) {
			asked = append(asked, fmt.Sprintf("topologySpreadConstraints[%d].topologyKey", i))
		}
	}
	for _, kind := range []string{"podAffinity", "podAntiAffinity"} {
		affinity := at(spec, "affinity", kind)
		for i, term := range list(affinity, "requiredDuringSchedulingIgnoredDuringExecution") {
			if !isUsualTopology(text(term, "topologyKey")) {
				asked = append(asked, fmt.Sprintf("affinity.%s.requiredDuringSchedulingIgnoredDuringExecution[%d].topologyKey", kind, i))
			}
		}
		for i, term := range list(affinity, "preferredDuringSchedulingIgnoredDuringExecution") {
			if !isUsualTopology(text(field(term, "podAffinityTerm"), "topologyKey")) {
				asked = append(asked, fmt.Sprintf("affinity.%s.preferredDuringSchedulingIgnoredDuringExecution[%d].podAffinityTerm.topologyKey", kind, i))
			}
		}
	}
	return asked
}

func isUsualTopology(key string) bool {
	return slices.Contains([]string{"kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region"}, key)
}

func dns(spec any) []string {
	var asked []string
	if policy := text(spec, "dnsPolicy"); !slices.Contains([]string{"", "ClusterFirst", "ClusterFirstWithHostNet"}, policy) {
		asked = append(asked, "dnsPolicy")
	}
	for _, name := range []string{"nameservers", "searches"} {
		if set(field(spec, "dnsConfig"), name) {
			asked = append(asked, "dnsConfig."+name)
		}
	}
	return asked
}

func hostAliases(spec any) []string {
	if set(spec, "hostAliases") {
		return []string{"hostAliases"}
	}
	return nil
}
