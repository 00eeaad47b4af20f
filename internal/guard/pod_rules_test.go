package guard

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

func nodeCases() map[string]ruleCase {
	const term = "topologyKey: kubernetes.io/hostname, labelSelector: {}"
	return map[string]ruleCase{
		"nothing of the node":       ok(RuleNode, with("pod.hostNetwork", "false")),
		"no port of the node":       ok(RuleNode, with("container.ports", "[{containerPort: 80, hostPort: 0}]")),
		"host network":              no(with("pod.hostNetwork", "true"), "node "+podPath+".hostNetwork"),
		"a node by name":            no(with("pod.nodeName", "a"), "node "+podPath+".nodeName"),
		"a runtime class":           no(with("pod.runtimeClassName", "a"), "node "+podPath+".runtimeClassName"),
		"an allowed runtime class":  ok(RuleNode, with("pod.runtimeClassName", "gvisor")).under(func(p *Policy) { p.RuntimeClasses = []string{"gvisor"} }),
		"another scheduler":         no(with("pod.schedulerName", "a"), "node "+podPath+".schedulerName"),
		"devices":                   no(with("pod.resourceClaims", "[{name: a}]"), "node "+podPath+".resourceClaims"),
		"devices of a container":    no(with("container.resources", "{claims: [{name: a}]}"), "node "+containerPath+".resources.claims"),
		"a port of the node":        no(with("container.ports", "[{containerPort: 80}, {containerPort: 80, hostPort: 80}, {containerPort: 80, hostIP: 0.0.0.0}]"), "node "+containerPath+".ports[1].hostPort", "node "+containerPath+".ports[2].hostPort"),
		"no priority":               ok(RulePriority, with("pod.priorityClassName", `""`)),
		"an allowed priority":       ok(RulePriority, with("pod.priorityClassName", "high")).under(func(p *Policy) { p.PriorityClasses = []string{"high"} }),
		"a priority":                no(with("pod.priorityClassName", "high"), "priority "+podPath+".priorityClassName"),
		"a priority by number":      no(with("pod.priority", "2000001000"), "priority "+podPath+".priority"),
		"own neighbours":            ok(RuleNeighbours, with("pod.affinity", "{podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{"+term+"}]}}")),
		"all neighbours":            no(with("pod.affinity", "{podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{"+term+", namespaceSelector: {}}]}}"), "neighbours "+podPath+".affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].namespaceSelector"),
		"named neighbours":          no(with("pod.affinity", "{podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {"+term+", namespaces: [a]}}]}}"), "neighbours "+podPath+".affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.namespaces"),
		"a patient pod":             ok(RulePod, with("pod.terminationGracePeriodSeconds", "3600")),
		"a user namespace":          ok(RulePod, with("pod.hostUsers", "false")),
		"an endless pod":            no(with("pod.terminationGracePeriodSeconds", "1000000000"), "pod "+podPath+".terminationGracePeriodSeconds"),
		"shared processes":          no(with("pod.shareProcessNamespace", "true"), "pod "+podPath+".shareProcessNamespace"),
		"ephemeral containers":      no(with("pod.ephemeralContainers", "[{name: a}]"), "pod "+podPath+".ephemeralContainers"),
		"a workload of others":      no(with("pod.schedulingGroup", "{podGroupName: a}"), "pod "+podPath+".schedulingGroup"),
		"a probe":                   ok(RuleProbe, with("container.livenessProbe", "{httpGet: {path: /, port: 80}}")),
		"a probe of another host":   no(with("container.livenessProbe", "{httpGet: {host: 169.254.169.254, port: 80}}"), "probe "+containerPath+".livenessProbe.httpGet.host"),
		"a socket of another host":  no(with("container.startupProbe", "{tcpSocket: {host: 10.0.0.1, port: 22}}"), "probe "+containerPath+".startupProbe.tcpSocket.host"),
		"a hook to another host":    no(with("container.lifecycle", "{postStart: {httpGet: {host: 169.254.169.254, port: 80}}}"), "probe "+containerPath+".lifecycle.postStart.httpGet.host"),
		"an init container is read": no(with("pod.initContainers", "[{name: a, image: "+image+", restartPolicy: Always, securityContext: {privileged: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]"), "privileged "+podPath+".initContainers[0].securityContext.privileged"),
	}
}

// permissionCases ask for every permission in every way, and for none.
func permissionCases() map[string]ruleCase {
	const required, preferred = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
	token := "[{name: a, projected: {sources: [{serviceAccountToken: {path: a, audience: sts.amazonaws.com}}]}}]"
	ways := map[v1alpha1.Permission]map[string][2]string{ // path and value, by what is refused
		v1alpha1.PermissionServiceTokens: {
			"automountServiceAccountToken":                        {"pod.automountServiceAccountToken", "true"},
			"volumes[0].projected.sources[0].serviceAccountToken": {"pod.volumes", token},
		},
		v1alpha1.PermissionNodeSelection: {
			"nodeSelector.disk": {"pod.nodeSelector", "{disk: fast, kubernetes.io/os: linux}"},
			"affinity.nodeAffinity." + required + ".nodeSelectorTerms[0].matchExpressions[1].key": {"pod.affinity", "{nodeAffinity: {" + required + ": {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/arch, operator: Exists}, {key: disk, operator: Exists}]}]}}}"},
			"affinity.nodeAffinity." + required + ".nodeSelectorTerms[0].matchFields":             {"pod.affinity", "{nodeAffinity: {" + required + ": {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [a]}]}]}}}"},
			"affinity.nodeAffinity." + preferred + "[0].preference.matchExpressions[0].key":       {"pod.affinity", "{nodeAffinity: {" + preferred + ": [{weight: 1, preference: {matchExpressions: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]}}]}}"},
		},
		v1alpha1.PermissionTolerations: {
			"tolerations[0]": {"pod.tolerations", "[{operator: Exists}]"},
			"tolerations[1]": {"pod.tolerations", "[{key: node.kubernetes.io/unreachable, operator: Exists}, {key: node-role.kubernetes.io/control-plane, operator: Exists}]"},
		},
		v1alpha1.PermissionTopology: {
			"topologySpreadConstraints[0].topologyKey":                              {"pod.topologySpreadConstraints", "[{maxSkew: 1, topologyKey: pool, whenUnsatisfiable: DoNotSchedule}]"},
			"affinity.podAntiAffinity." + required + "[0].topologyKey":              {"pod.affinity", "{podAntiAffinity: {" + required + ": [{topologyKey: pool}]}}"},
			"affinity.podAffinity." + preferred + "[0].podAffinityTerm.topologyKey": {"pod.affinity", "{podAffinity: {" + preferred + ": [{weight: 1, podAffinityTerm: {topologyKey: pool}}]}}"},
		},
		v1alpha1.PermissionDNS: {
			"dnsPolicy":             {"pod.dnsPolicy", "Default"},
			"dnsConfig.nameservers": {"pod.dnsConfig", "{nameservers: [192.0.2.1], options: [{name: ndots, value: '1'}]}"},
			"dnsConfig.searches":    {"pod.dnsConfig", "{searches: [corp.example]}"},
		},
		v1alpha1.PermissionHostAliases: {"hostAliases": {"pod.hostAliases", "[{ip: 192.0.2.1, hostnames: [a]}]"}},
	}
	all := map[string]ruleCase{
		"no permission needed": ok(RulePermission,
			with("pod.nodeSelector", "{kubernetes.io/os: linux, kubernetes.io/arch: amd64}"),
			strings.ReplaceAll(with("pod.topologySpreadConstraints", "[{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}]"), "name: x", "name: z")),
		"usual taints":           ok(RulePermission, with("pod.tolerations", "[{key: node.kubernetes.io/not-ready, operator: Exists}]")),
		"options of look-ups":    ok(RulePermission, with("pod.dnsConfig", "{options: [{name: ndots, value: '2'}]}")),
		"nothing said of tokens": no(doc("batch/v1", "Job", "spec: {template: {spec: {securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}, containers: [{name: x, image: "+image+", securityContext: {allowPrivilegeEscalation: false}}]}}}"), "permission "+podPath+".automountServiceAccountToken"),
	}
	for permission, asked := range ways {
		for field, way := range asked {
			all["refused "+field] = no(with(way[0], way[1]), "permission "+podPath+"."+field)
			all["granted "+field] = ok(RulePermission, with(way[0], way[1])).under(func(p *Policy) { p.Allow = []v1alpha1.Permission{permission} })
			all["another permission than for "+field] = no(with(way[0], way[1]), "permission "+podPath+"."+field).under(func(p *Policy) {
				for _, other := range permissions() {
					if other.name != permission {
						p.Allow = append(p.Allow, other.name)
					}
				}
			})
		}
	}
	return all
}

func volumeCases() map[string]ruleCase {
	claim := func(spec fields) string { return doc("v1", "PersistentVolumeClaim", "spec: {"+spec+"}") }
	volume := func(volume fields) string { return with("pod.volumes", "[{name: a, "+volume+"}]") }
	all := map[string]ruleCase{
		"a claim":                   ok(RuleVolume, claim("accessModes: [ReadWriteOnce], storageClassName: a, volumeMode: Filesystem, resources: {requests: {storage: 1Gi}}")),
		"a volume by name":          no(claim("volumeName: a"), "volume spec.volumeName"),
		"a copy of a volume":        no(claim("dataSource: {kind: PersistentVolumeClaim, name: a}, dataSourceRef: {kind: PersistentVolumeClaim, name: a, namespace: other}"), "volume spec.dataSource", "volume spec.dataSourceRef"),
		"a selected volume":         no(claim("selector: {matchLabels: {a: b}}"), "volume spec.selector"),
		"a raw device":              no(claim("volumeMode: Block"), "volume spec.volumeMode"),
		"a claim template":          no(doc("apps/v1", "StatefulSet", "spec: {volumeClaimTemplates: [{spec: {volumeName: a}}]}"), "volume spec.volumeClaimTemplates[0].spec.volumeName"),
		"volumes of the stage":      ok(RuleVolume, with("pod.volumes", "[{name: a, emptyDir: {}}, {name: b, secret: {secretName: a}}, {name: c, persistentVolumeClaim: {claimName: a}}, {name: d, downwardAPI: {}}]")),
		"an ephemeral volume":       no(volume("ephemeral: {volumeClaimTemplate: {metadata: {finalizers: [a.b/c]}, spec: {volumeName: a}}}"), "metadata "+podPath+".volumes[0].ephemeral.volumeClaimTemplate.metadata.finalizers", "volume "+podPath+".volumes[0].ephemeral.volumeClaimTemplate.spec.volumeName"),
		"a mount":                   ok(RuleVolume, with("container.volumeMounts", "[{name: a, mountPath: /a, subPathExpr: $(B), mountPropagation: None}]")),
		"a mount that propagates":   no(with("container.volumeMounts", "[{name: a, mountPath: /a, mountPropagation: Bidirectional}]"), "volume "+containerPath+".volumeMounts[0].mountPropagation"),
		"a device of a container":   no(with("container.volumeDevices", "[{name: a, devicePath: /dev/a}]"), "volume "+containerPath+".volumeDevices"),
		"a projected configuration": ok(RuleToken, volume("projected: {sources: [{configMap: {name: a}}, {secret: {name: a}}]}")),
		"a certificate":             no(volume("projected: {sources: [{podCertificate: {signerName: a.b/c, keyType: ED25519}}]}"), "token "+podPath+".volumes[0].projected.sources[0].podCertificate"),
	}
	for kind, value := range map[string]fields{
		"hostPath": "{path: /}", "nfs": "{server: a, path: /}", "csi": "{driver: a}", "iscsi": "{targetPortal: a}", "image": "{reference: a}",
		"gitRepo": "{repository: a}", "flexVolume": "{driver: a}", "cephfs": "{monitors: [a]}", "fc": "{lun: 1}",
	} {
		all["a volume of kind "+kind] = no(volume(kind+": "+value), "volume "+podPath+".volumes[0]."+kind).under(baseline)
	}
	return all
}

func securityCases() map[string]ruleCase {
	const pod, container = podPath + ".securityContext", containerPath + ".securityContext"
	context := func(context fields) string {
		return with("container.securityContext", "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, "+context+"}")
	}
	podContext := func(context fields) string {
		return with("pod.securityContext", "{runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, "+context+"}")
	}
	return map[string]ruleCase{
		"not privileged":                    ok(RulePrivileged, context("privileged: false")),
		"privileged":                        no(context("privileged: true"), "privileged "+container+".privileged").under(baseline),
		"a safe sysctl":                     ok(RuleSecurity, podContext("sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: '0'}]")),
		"an unsafe sysctl":                  no(podContext("sysctls: [{name: kernel.msgmax, value: '0'}]"), "security "+pod+".sysctls[0]").under(baseline),
		"SELinux options":                   no(podContext("seLinuxOptions: {type: spc_t}"), "security "+pod+".seLinuxOptions"),
		"SELinux options of a container":    no(context("seLinuxOptions: {type: spc_t}"), "security "+container+".seLinuxOptions"),
		"a Windows host process":            no(podContext("windowsOptions: {hostProcess: true}"), "security "+pod+".windowsOptions"),
		"a Windows process of a container":  no(context("windowsOptions: {hostProcess: true}"), "security "+container+".windowsOptions"),
		"Windows":                           no(with("pod.os", "{name: windows}"), "security "+podPath+".os.name"),
		"Linux":                             ok(RuleSecurity, with("pod.os", "{name: linux}")),
		"the node's processes":              no(context("procMount: Unmasked"), "security "+container+".procMount").under(baseline),
		"no seccomp":                        no(context("seccompProfile: {type: Unconfined}"), "security "+container+".seccompProfile").under(baseline),
		"seccomp of the node":               no(context("seccompProfile: {type: Localhost, localhostProfile: a}"), "security "+container+".seccompProfile"),
		"seccomp of nothing":                no(context("seccompProfile: {}"), "security "+container+".seccompProfile"),
		"AppArmor of the node":              no(podContext("appArmorProfile: {type: Localhost, localhostProfile: a}"), "security "+pod+".appArmorProfile"),
		"no AppArmor":                       no(context("appArmorProfile: {type: Unconfined}"), "security "+container+".appArmorProfile"),
		"AppArmor":                          ok(RuleSecurity, context("appArmorProfile: {type: RuntimeDefault}")),
		"AppArmor by annotation":            no(with("spec.template", "{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/x: unconfined}}}"), "annotation spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/x]"),
		"a low port":                        ok(RuleCapability, with("container.securityContext.capabilities", "{drop: [ALL], add: [NET_BIND_SERVICE]}")).under(restricted),
		"the capabilities of a container":   ok(RuleCapability, with("container.securityContext.capabilities", "{drop: [ALL], add: [CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, NET_BIND_SERVICE, SETGID, SETPCAP, SETUID]}")),
		"a baseline capability":             ok(RuleCapability, with("container.securityContext.capabilities", "{add: [MKNOD]}")).under(baseline),
		"a baseline capability, contained":  no(with("container.securityContext.capabilities", "{drop: [ALL], add: [MKNOD]}"), "capability "+container+".capabilities.add[0]"),
		"a baseline capability, restricted": no(with("container.securityContext.capabilities", "{drop: [ALL], add: [CHOWN]}"), "capability "+container+".capabilities.add[0]").under(restricted),
		"a capability":                      no(with("container.securityContext.capabilities", "{add: [SYS_ADMIN, CAP_CHOWN, net_raw, ALL]}"), "capability "+container+".capabilities.add[0]", "capability "+container+".capabilities.add[1]", "capability "+container+".capabilities.add[2]", "capability "+container+".capabilities.add[3]").under(baseline),
		"a user":                            ok(RuleRoot, context("runAsUser: 1")).under(restricted),
		"root where it is allowed":          ok(RuleRoot, context("runAsUser: 0, runAsNonRoot: false")).under(baseline),
		"root":                              no(context("runAsUser: 0"), "root "+container+".runAsUser").under(restricted),
		"root of the pod":                   no(podContext("runAsUser: 0"), "root "+pod+".runAsUser").under(restricted),
		"root as a float":                   no(context("runAsUser: 0.0"), "root "+container+".runAsUser").under(restricted),
		"root as less than nothing":         no(context("runAsUser: -0.0"), "root "+container+".runAsUser").under(restricted),
		"root in hexadecimal":               no(context("runAsUser: 0x0"), "root "+container+".runAsUser").under(restricted),
		"root with an exponent":             no(context("runAsUser: 0e5"), "root "+container+".runAsUser").under(restricted),
		"a user that is no number":          no(context("runAsUser: '0'"), "shape "),
		"a user between numbers":            no(context("runAsUser: 0.5"), "shape "),
		"restricted by the pod":             ok(RuleRestricted, with("spec.replicas", "1")).under(restricted),
		"restricted by the container": ok(RuleRestricted, with("pod.containers",
			"[{name: x, image: "+image+", securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]")).under(restricted),
		"no context": no(with("container.securityContext", "{}"),
			"restricted "+container+".allowPrivilegeEscalation", "restricted "+container+".capabilities.drop").under(restricted),
		"no context of the pod": no(with("pod.securityContext", "{}"),
			"restricted "+container+".runAsNonRoot", "restricted "+container+".seccompProfile").under(restricted),
		"the container takes it back":           no(context("runAsNonRoot: false"), "restricted "+container+".runAsNonRoot").under(restricted),
		"drops a few":                           no(with("container.securityContext.capabilities", "{drop: [NET_RAW, all]}"), "restricted "+container+".capabilities.drop").under(restricted),
		"baseline":                              ok(RuleRestricted, with("container.securityContext", "{}")).under(baseline),
		"baseline in the node's user namespace": ok(RuleUserNamespace, with("pod.hostUsers", "true")).under(baseline),
	}
}

// containedCases are about the default level.
func containedCases() map[string]ruleCase {
	const pod, container = podPath, containerPath + ".securityContext"
	rooted := func(spec fields) string {
		return with("spec.template.spec", "{automountServiceAccountToken: false, securityContext: {seccompProfile: {type: RuntimeDefault}}, "+spec+"}")
	}
	const plain = "{name: a, image: " + image + ", securityContext: {allowPrivilegeEscalation: false}}"
	const nonRoot = "{name: b, image: " + image + ", securityContext: {allowPrivilegeEscalation: false, runAsNonRoot: true}}"
	hostUsers := "user-namespace " + pod + ".hostUsers"
	return map[string]ruleCase{
		"root in a user namespace":          ok(RuleUserNamespace, rooted("hostUsers: false, containers: ["+plain+"]")),
		"root by number in one":             ok(RuleUserNamespace, rooted("hostUsers: false, containers: [{name: a, image: "+image+", securityContext: {allowPrivilegeEscalation: false, runAsUser: 0}}]")),
		"nobody is root":                    ok(RuleUserNamespace, rooted("initContainers: ["+nonRoot+"], containers: ["+nonRoot+"]")),
		"perhaps root":                      no(rooted("containers: ["+plain+"]"), hostUsers),
		"one is perhaps root":               no(rooted("containers: ["+nonRoot+", "+plain+"]"), hostUsers),
		"an init container is":              no(rooted("initContainers: ["+plain+"], containers: ["+nonRoot+"]"), hostUsers),
		"a container takes it back":         no(with("container.securityContext.runAsNonRoot", "false"), hostUsers),
		"the node's users":                  no(with("pod.hostUsers", "true"), hostUsers),
		"the node's users for root":         no(rooted("hostUsers: true, containers: ["+plain+"]"), hostUsers),
		"the node's users as text":          no(with("pod.hostUsers", `"true"`), "shape "),
		"confined by the pod":               ok(RuleContained, with("spec.replicas", "1")),
		"dropping a few":                    ok(RuleContained, with("container.securityContext.capabilities", "{drop: [KILL]}")),
		"nothing said of escalation":        no(with("container.securityContext", "{}"), "contained "+container+".allowPrivilegeEscalation"),
		"escalation":                        no(with("container.securityContext.allowPrivilegeEscalation", "true"), "contained "+container+".allowPrivilegeEscalation"),
		"nothing said of system calls":      no(with("pod.securityContext", "{runAsNonRoot: true}"), "contained "+container+".seccompProfile"),
		"system calls of an init container": no(with("pod.securityContext", "{runAsNonRoot: true}"), "contained "+container+".seccompProfile"),
	}
}

func imageCases() map[string]ruleCase {
	const at = containerPath + ".image"
	const owner = "image-owner " + at
	builds := func(p *Policy) {
		p.Builds, p.Open = "registry.example:443/slipway", []string{"registry.example/slipway/acme/shop", "registry.example/slipway/acme/base/"}
		p.Kinds = []string{"Rollout.argoproj.io"}
	}
	rollout := func(container fields) string {
		return doc("argoproj.io/v1alpha1", "Rollout", "spec: {template: {spec: {containers: ["+container+"]}}}")
	}
	registries := func(p *Policy) { p.Registries = []string{"registry.example/acme/", "docker.io/library"} }
	return map[string]ruleCase{
		"an image":                 ok(RuleImage, with("container.image", "redis:8@"+digest)),
		"no image":                 no(with("container.image", `""`), "image "+at),
		"a bad image":              no(with("container.image", "Redis:@"), "image "+at),
		"an image id":              no(with("container.image", digest[7:]), "image "+at),
		"a short digest":           no(with("container.image", "redis@sha256:0123"), "image "+at),
		"an image by digest":       ok(RuleImageDigest, with("container.image", image)),
		"an image by tag":          no(with("container.image", "redis:8"), "image-digest "+at),
		"an image by nothing":      no(with("container.image", "redis"), "image-digest "+at),
		"an allowed registry":      ok(RuleImageRegistry, with("container.image", image)).under(registries),
		"an allowed short name":    ok(RuleImageRegistry, with("container.image", "redis@"+digest)).under(registries),
		"another registry":         no(with("container.image", "evil.example/acme/web@"+digest), "image-registry "+at).under(registries),
		"a registry that looks so": no(with("container.image", "registry.example/acme-evil/web@"+digest), "image-registry "+at).under(registries),
		"an own image":             ok(RuleImageOwner, with("container.image", "registry.example/slipway/acme/shop@"+digest)).under(builds),
		"one below it":             ok(RuleImageOwner, with("container.image", "registry.example/slipway/acme/shop/base@"+digest)).under(builds),
		"one beside all projects":  ok(RuleImageOwner, with("container.image", "registry.example/slipway/nginx@"+digest)).under(builds),
		"one outside the prefix":   ok(RuleImageOwner, with("container.image", "registry.example/tools/acme/web@"+digest)).under(builds),
		"a shared one":             ok(RuleImageOwner, with("container.image", "registry.example/slipway/acme/base/go@"+digest)).under(builds),
		"another project's":        no(with("container.image", "registry.example/slipway/acme/web@"+digest), owner).under(builds),
		"another's, by tag":        no(with("container.image", "registry.example/slipway/acme/web:1"), owner).under(builds),
		"another organization's":   no(with("container.image", "registry.example/slipway/globex/shop@"+digest), owner).under(builds),
		"a similar name":           no(with("container.image", "registry.example/slipway/acme/shop2@"+digest), owner).under(builds),
		"another spelling":         no(with("container.image", "REGISTRY.example:443/slipway/acme/web@"+digest), owner).under(builds),
		"in a resource of others":  no(rollout("{image: registry.example/slipway/acme/web@"+digest+"}"), "image-owner spec.template.spec.containers[0].image").under(builds),
		"an artifact of others":    no(rollout("{url: oci://registry.example/slipway/globex/shop/bundles}"), "image-owner spec.template.spec.containers[0].url").under(builds),
		"an own one in a resource": ok(RuleImageOwner, rollout("{image: registry.example/slipway/acme/shop@"+digest+"}")).under(builds),
		"no prefix":                no(with("container.image", "registry.example/acme/web@"+digest), owner).under(func(p *Policy) { p.Builds = "registry.example:80" }),
		"the hub's short names":    no(with("container.image", "globex/shop@"+digest), owner).under(func(p *Policy) { p.Builds = "index.docker.io" }),
		"no registry":              no(with("container.image", image), "image-registry "+at).under(func(p *Policy) { p.Registries = []string{""} }),
	}
}
