package guardtest

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/guard"
)

// Attempt is one thing that a pod asks for and must not get at the level
// contained.
type Attempt struct {
	// Spec and Container are fields of the pod's spec and of its container, as YAML
	// maps. Annotations are the pod's.
	Spec, Container, Annotations string
	// Rule is guard's rule that refuses it; Field is what it names, below the pod's
	// spec.
	Rule  guard.Rule
	Field string
	// Admission is in the words of the API server that refuses it.
	Admission string
	// Grant allows it, nil when nothing does.
	Grant func(*v1alpha1.ClusterPolicy)
}

// The words of who refuses a pod at the API server.
const (
	podSecurity = "violates PodSecurity"
	pods        = "ValidatingAdmissionPolicy 'slipway-pods'"
	priority    = "ValidatingAdmissionPolicy 'slipway-priority'"
	contained   = "ValidatingAdmissionPolicy 'slipway-contained'"
)

const (
	context = "containers[0].securityContext"
	volume  = "volumes: [{name: extra, "
)

// Attempts returns all of them by name.
func Attempts() map[string]Attempt {
	all := map[string]Attempt{}
	for _, group := range []map[string]Attempt{nodeAttempts(), securityAttempts(), volumeAttempts(), grantable(), classes(), imageAttempts()} {
		for name, attempt := range group {
			if _, twice := all[name]; twice {
				panic("two attempts are called " + name)
			}
			all[name] = attempt
		}
	}
	return all
}

// nodeAttempts ask for what is the node's, or others'.
func nodeAttempts() map[string]Attempt {
	const foreign = "{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {}, namespaceSelector: {}}]}}}"
	return map[string]Attempt{
		"host network":           {Spec: "{hostNetwork: true, hostUsers: null}", Rule: guard.RuleNode, Field: "hostNetwork", Admission: podSecurity},
		"host processes":         {Spec: "{hostPID: true, hostUsers: null}", Rule: guard.RuleNode, Field: "hostPID", Admission: podSecurity},
		"host IPC":               {Spec: "{hostIPC: true, hostUsers: null}", Rule: guard.RuleNode, Field: "hostIPC", Admission: podSecurity},
		"host port":              {Container: "{ports: [{containerPort: 80, hostPort: 80}]}", Rule: guard.RuleNode, Field: "containers[0].ports[0].hostPort", Admission: podSecurity},
		"a node by name":         {Spec: "{nodeName: node-1}", Rule: guard.RuleNode, Field: "nodeName", Admission: pods},
		"another scheduler":      {Spec: "{schedulerName: mine}", Rule: guard.RuleNode, Field: "schedulerName", Admission: pods},
		"a device":               {Spec: "{resourceClaims: [{name: gpu, resourceClaimName: gpu}]}", Rule: guard.RuleNode, Field: "resourceClaims", Admission: pods},
		"priority by number":     {Spec: "{priority: 2000000000}", Rule: guard.RulePriority, Field: "priority", Admission: "the integer value of priority"},
		"keeping others away":    {Spec: foreign, Rule: guard.RuleNeighbours, Field: "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].namespaceSelector", Admission: pods},
		"shared processes":       {Spec: "{shareProcessNamespace: true}", Rule: guard.RulePod, Field: "shareProcessNamespace", Admission: pods},
		"the stage's account":    {Spec: "{serviceAccountName: slipway-stage}", Rule: guard.RuleAccount, Field: "serviceAccountName", Admission: pods},
		"Windows":                {Spec: "{os: {name: windows}}", Rule: guard.RuleSecurity, Field: "os.name", Admission: "windows"},
		"a probe of metadata":    {Container: "{livenessProbe: {httpGet: {host: 169.254.169.254, port: 80}}}", Rule: guard.RuleProbe, Field: "containers[0].livenessProbe.httpGet.host", Admission: podSecurity},
		"a hook to metadata":     {Container: "{lifecycle: {postStart: {httpGet: {host: 169.254.169.254, port: 80}}}}", Rule: guard.RuleProbe, Field: "containers[0].lifecycle.postStart.httpGet.host", Admission: podSecurity},
		"an ephemeral container": {Spec: "{ephemeralContainers: [{name: debug, image: " + Image + "}]}", Rule: guard.RulePod, Field: "ephemeralContainers", Admission: "spec.ephemeralContainers"},
	}
}

// securityAttempts weaken a container's confinement.
func securityAttempts() map[string]Attempt {
	securityContext := func(fields string) string { return "{securityContext: {" + fields + "}}" }
	return map[string]Attempt{
		"privileged":                {Container: securityContext("privileged: true, allowPrivilegeEscalation: null"), Rule: guard.RulePrivileged, Field: context + ".privileged", Admission: podSecurity},
		"privilege escalation":      {Container: securityContext("allowPrivilegeEscalation: true"), Rule: guard.RuleContained, Field: context + ".allowPrivilegeEscalation", Admission: contained},
		"the node's users":          {Spec: "{hostUsers: true}", Rule: guard.RuleUserNamespace, Field: "hostUsers", Admission: contained},
		"administration":            {Container: securityContext("capabilities: {add: [SYS_ADMIN]}"), Rule: guard.RuleCapability, Field: context + ".capabilities.add[0]", Admission: podSecurity},
		"all capabilities":          {Container: securityContext("capabilities: {drop: null, add: [ALL]}"), Rule: guard.RuleCapability, Field: context + ".capabilities.add[0]", Admission: podSecurity},
		"raw sockets":               {Container: securityContext("capabilities: {add: [NET_RAW]}"), Rule: guard.RuleCapability, Field: context + ".capabilities.add[0]", Admission: podSecurity},
		"device nodes":              {Container: securityContext("capabilities: {add: [MKNOD]}"), Rule: guard.RuleCapability, Field: context + ".capabilities.add[0]", Admission: contained},
		"capabilities of files":     {Container: securityContext("capabilities: {add: [CHOWN, SETFCAP]}"), Rule: guard.RuleCapability, Field: context + ".capabilities.add[1]", Admission: contained},
		"an unsafe sysctl":          {Spec: securityContext("sysctls: [{name: kernel.msgmax, value: '1'}]"), Rule: guard.RuleSecurity, Field: "securityContext.sysctls[0]", Admission: podSecurity},
		"the node's processes":      {Container: securityContext("procMount: Unmasked"), Rule: guard.RuleSecurity, Field: context + ".procMount", Admission: "procMount"},
		"no seccomp":                {Spec: securityContext("seccompProfile: {type: Unconfined}"), Rule: guard.RuleSecurity, Field: "securityContext.seccompProfile", Admission: podSecurity},
		"no seccomp of a container": {Container: securityContext("seccompProfile: {type: Unconfined}"), Rule: guard.RuleSecurity, Field: context + ".seccompProfile", Admission: podSecurity},
		"seccomp of the node":       {Container: securityContext("seccompProfile: {type: Localhost, localhostProfile: all.json}"), Rule: guard.RuleSecurity, Field: context + ".seccompProfile", Admission: pods},
		"no AppArmor":               {Container: securityContext("appArmorProfile: {type: Unconfined}"), Rule: guard.RuleSecurity, Field: context + ".appArmorProfile", Admission: podSecurity},
		"AppArmor of the node":      {Spec: securityContext("appArmorProfile: {type: Localhost, localhostProfile: all}"), Rule: guard.RuleSecurity, Field: "securityContext.appArmorProfile", Admission: pods},
		"no AppArmor, the old way":  {Annotations: "{container.apparmor.security.beta.kubernetes.io/web: unconfined}", Rule: guard.RuleAnnotation, Field: "container.apparmor.security.beta.kubernetes.io/web", Admission: podSecurity},
		"a Windows host process":    {Spec: securityContext("windowsOptions: {hostProcess: true}"), Rule: guard.RuleSecurity, Field: "securityContext.windowsOptions", Admission: "hostProcess"},
		"Windows users":             {Container: securityContext("windowsOptions: {runAsUserName: ContainerAdministrator}"), Rule: guard.RuleSecurity, Field: context + ".windowsOptions", Admission: pods},
		"another SELinux type":      {Container: securityContext("seLinuxOptions: {type: spc_t}"), Rule: guard.RuleSecurity, Field: context + ".seLinuxOptions", Admission: podSecurity},
		"another SELinux level":     {Spec: securityContext("seLinuxOptions: {level: 's0:c1,c2'}"), Rule: guard.RuleSecurity, Field: "securityContext.seLinuxOptions", Admission: pods},
	}
}

// volumeAttempts mount what isn't the stage's.
func volumeAttempts() map[string]Attempt {
	foreign := func(kind, value string) Attempt {
		return Attempt{Spec: "{" + volume + kind + ": " + value + "}]}", Rule: guard.RuleVolume, Field: "volumes[0]." + kind, Admission: pods}
	}
	host := foreign("hostPath", "{path: /}")
	host.Admission = podSecurity
	return map[string]Attempt{
		"the node's files":   host,
		"a server of files":  foreign("nfs", "{server: 10.0.0.1, path: /}"),
		"a driver's volume":  foreign("csi", "{driver: secrets-store.csi.k8s.io}"),
		"a block server":     foreign("iscsi", "{targetPortal: '10.0.0.1', iqn: iqn.2001-04.com.example:a, lun: 0}"),
		"an image as volume": foreign("image", "{reference: "+Image+"}"),
		"mounts of the node": {
			Spec: "{" + volume + "emptyDir: {}}]}", Container: "{volumeMounts: [{name: extra, mountPath: /extra, mountPropagation: HostToContainer}]}",
			Rule: guard.RuleVolume, Field: "containers[0].volumeMounts[0].mountPropagation", Admission: pods,
		},
		"a raw device": {
			Spec: "{hostUsers: null, securityContext: {runAsNonRoot: true}, " + volume + "persistentVolumeClaim: {claimName: extra}}]}", Container: "{volumeDevices: [{name: extra, devicePath: /dev/extra}]}",
			Rule: guard.RuleVolume, Field: "containers[0].volumeDevices", Admission: pods,
		},
	}
}

// grantable ask for what the platform team may allow.
func grantable() map[string]Attempt {
	const required = "requiredDuringSchedulingIgnoredDuringExecution"
	ask := func(permission v1alpha1.Permission, field, spec string) Attempt {
		return Attempt{Spec: "{" + spec + "}", Rule: guard.RulePermission, Field: field, Admission: pods, Grant: func(p *v1alpha1.ClusterPolicy) { p.Allow = append(p.Allow, permission) }}
	}
	const projected = volume + "projected: {sources: [{serviceAccountToken: {path: token, audience: sts.amazonaws.com}}]}}]"
	return map[string]Attempt{
		"a token":                   ask(v1alpha1.PermissionServiceTokens, "automountServiceAccountToken", "automountServiceAccountToken: true"),
		"a token for a cloud":       ask(v1alpha1.PermissionServiceTokens, "volumes[0].projected.sources[0].serviceAccountToken", projected),
		"chosen nodes":              ask(v1alpha1.PermissionNodeSelection, "nodeSelector.disk", "nodeSelector: {disk: fast}"),
		"nodes by affinity":         ask(v1alpha1.PermissionNodeSelection, "affinity.nodeAffinity."+required+".nodeSelectorTerms[0].matchExpressions[0].key", "affinity: {nodeAffinity: {"+required+": {nodeSelectorTerms: [{matchExpressions: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]}]}}}"),
		"a node by affinity":        ask(v1alpha1.PermissionNodeSelection, "affinity.nodeAffinity."+required+".nodeSelectorTerms[0].matchFields", "affinity: {nodeAffinity: {"+required+": {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [node-1]}]}]}}}"),
		"all taints":                ask(v1alpha1.PermissionTolerations, "tolerations[0]", "tolerations: [{operator: Exists}]"),
		"the control plane's nodes": ask(v1alpha1.PermissionTolerations, "tolerations[0]", "tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]"),
		"spread by pool":            ask(v1alpha1.PermissionTopology, "topologySpreadConstraints[0].topologyKey", "topologySpreadConstraints: [{maxSkew: 1, topologyKey: pool, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}]"),
		"apart by pool":             ask(v1alpha1.PermissionTopology, "affinity.podAntiAffinity."+required+"[0].topologyKey", "affinity: {podAntiAffinity: {"+required+": [{topologyKey: pool, labelSelector: {}}]}}"),
		"name servers":              ask(v1alpha1.PermissionDNS, "dnsConfig.nameservers", "dnsConfig: {nameservers: [192.0.2.1]}"),
		"the node's name servers":   ask(v1alpha1.PermissionDNS, "dnsPolicy", "dnsPolicy: Default"),
		"names for addresses":       ask(v1alpha1.PermissionHostAliases, "hostAliases", "hostAliases: [{ip: 192.0.2.1, hostnames: [db.example]}]"),
	}
}

// Classes that the tests make.
const (
	PriorityClass = "guardtest-high"
	RuntimeClass  = "guardtest-other"
)

// classes ask for classes that the platform team may allow.
func classes() map[string]Attempt {
	return map[string]Attempt{
		"a priority class": {
			Spec: "{priorityClassName: " + PriorityClass + "}", Rule: guard.RulePriority, Field: "priorityClassName", Admission: priority,
			Grant: func(p *v1alpha1.ClusterPolicy) { p.PriorityClasses = []string{PriorityClass} },
		},
		"the system's priority": {Spec: "{priorityClassName: system-node-critical}", Rule: guard.RulePriority, Field: "priorityClassName", Admission: priority},
		"a runtime class": {
			Spec: "{runtimeClassName: " + RuntimeClass + "}", Rule: guard.RuleNode, Field: "runtimeClassName", Admission: pods,
			Grant: func(p *v1alpha1.ClusterPolicy) { p.RuntimeClasses = []string{RuntimeClass} },
		},
	}
}

// Registry holds the images of all projects; the attempts' is shop of acme.
func Registry() v1alpha1.Registry {
	return v1alpha1.Registry{Host: "registry.example", Prefix: "slipway"}
}

// imageAttempts run what others built.
func imageAttempts() map[string]Attempt {
	run := func(image string) Attempt {
		return Attempt{Container: "{image: " + image + "@" + digest + "}", Rule: guard.RuleImageOwner, Field: "containers[0].image", Admission: pods}
	}
	first := Attempt{
		Spec: "{initContainers: [{name: first, image: registry.example/slipway/globex/shop@" + digest + ", securityContext: {allowPrivilegeEscalation: false}}]}",
		Rule: guard.RuleImageOwner, Field: "initContainers[0].image", Admission: pods,
	}
	return map[string]Attempt{
		"another organization's image":            run("registry.example/slipway/globex/shop"),
		"an image below another organization's":   run("registry.example/slipway/globex/shop/previews"),
		"another project's image":                 run("registry.example/slipway/acme/web"),
		"a project's image of a similar name":     run("registry.example/slipway/acme/shop-2"),
		"another project's image, by port":        run("registry.example:443/slipway/acme/web"),
		"another project's image, in capitals":    run("Registry.EXAMPLE/slipway/acme/web"),
		"another project's bundles":               run("registry.example/slipway/acme/web/bundles"),
		"another organization's image, run first": first,
	}
}

// Image is what containers of attempts run.
const Image = "registry.example/acme/web@" + digest

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// Pod returns metadata and spec of a pod that makes the attempt, and is as it
// should be otherwise.
func (a Attempt) Pod() (map[string]any, error) {
	metadata, spec, container := map[string]any{}, map[string]any{}, map[string]any{}
	for text, into := range map[string]map[string]any{goodSpec: spec, goodContainer: container} {
		if err := yaml.Unmarshal([]byte(text), &into); err != nil {
			return nil, fmt.Errorf("read the good pod: %w", err)
		}
	}
	for _, part := range []struct {
		text string
		into map[string]any
	}{{a.Spec, spec}, {a.Container, container}, {"{annotations: " + a.Annotations + "}", metadata}} {
		var fields map[string]any
		if err := yaml.Unmarshal([]byte(part.text), &fields); err != nil {
			return nil, fmt.Errorf("read the attempt %s: %w", part.text, err)
		}
		merge(part.into, fields)
	}
	spec["containers"] = []any{container}
	return map[string]any{"metadata": metadata, "spec": spec}, nil
}

const (
	goodSpec      = "{automountServiceAccountToken: false, hostUsers: false, securityContext: {seccompProfile: {type: RuntimeDefault}}}"
	goodContainer = "{name: web, image: " + Image + ", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}"
)

// merge sets fields in a map, and removes those that are null.
func merge(into, fields map[string]any) {
	for name, value := range fields {
		inner, isMap := value.(map[string]any)
		existing, isOld := into[name].(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case isMap && isOld:
			merge(existing, inner)
		default:
			into[name] = value
		}
	}
}

// Deployment returns a workload named web whose pods make the attempt, as JSON.
func (a Attempt) Deployment() (string, error) {
	pod, err := a.Pod()
	if err != nil {
		return "", err
	}
	pod["metadata"].(map[string]any)["labels"] = map[string]any{"app": "web"}
	return encode(map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web"},
		"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}, "template": pod},
	})
}

// Patch returns what changes a Deployment named web, with a container of that name,
// to make the attempt, as JSON.
func (a Attempt) Patch() (string, error) {
	metadata, spec, container := map[string]any{}, map[string]any{}, map[string]any{}
	for _, part := range []struct {
		text string
		into map[string]any
	}{{a.Spec, spec}, {a.Container, container}, {"{annotations: " + a.Annotations + "}", metadata}} {
		if err := yaml.Unmarshal([]byte(part.text), &part.into); err != nil {
			return "", fmt.Errorf("read the attempt %s: %w", part.text, err)
		}
	}
	container["name"] = "web"
	spec["containers"] = []any{container}
	return encode(map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web"},
		"spec": map[string]any{"template": map[string]any{"metadata": metadata, "spec": spec}},
	})
}

func encode(object map[string]any) (string, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("encode an attempt: %w", err)
	}
	return string(text), nil
}
