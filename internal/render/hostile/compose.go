package hostile

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/project"
)

// composeCases are Compose files that want what is not theirs.
func composeCases(address, path string) []Case {
	at := func(key string, says ...string) []string {
		return append([]string{"compose.yaml:", "services.one." + key}, says...)
	}
	bomb := "x-a: &a [x,x,x,x,x,x,x,x,x,x]\nx-b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nx-c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nx-d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\nx-e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nx-f: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\nservices: {one: {image: 'one:1'}}\n"
	return []Case{
		compose("our environment as env_file", "    env_file: /proc/self/environ\n", at("env_file", "absolute")...),
		compose("env_file of this machine", "    env_file: ["+path+"]\n", at("env_file", "absolute")...),
		compose("env_file outside", "    env_file: [{path: ../../x.env, required: false}]\n", at("env_file", "leaves the repository")...),
		compose("env_file by a variable", "    env_file: ['${HOME}/.env']\n", at("env_file")...),
		compose("our environment by a variable", "    environment: {A: '${PATH}', B: '${HOME:-none}'}\n"),
		compose("our environment by name", "    environment: [PATH]\n"),
		composeFile("include", "include: [sub/compose.yaml]\nservices: {one: {image: 'one:1'}}\n", "include[0]", "sub/sub/compose.yaml"),
		composeFile("include from above", "include: [../../etc/passwd, /etc/passwd]\nservices: {one: {image: 'one:1'}}\n", "include[0]", "leaves the repository", "include[1]", "absolute"),
		{
			Name: "compose: files that include each other twice", Says: []string{"compose.yaml", "more than 50 times"},
			Tree:    files(doubling()).tree(),
			Request: request(map[string]project.Service{"legacy": {Compose: &project.Compose{File: "compose.yaml"}}}),
		},
		composeFile("include of itself", "include: [compose.yaml]\nservices: {one: {image: 'one:1'}}\n", "include[0]", "leads back"),
		composeFile("remote include", "services: {one: {image: 'one:1'}}\ninclude: ['https://"+address+"/x.git']\n", "include[0]", "is a URL"),
		compose("extends from a file", "    extends: {file: /etc/passwd, service: x}\n", "services.one.extends.file"),
		compose("remote extends", "    extends: {file: 'https://"+address+"/x.yaml', service: x}\n", "services.one.extends.file"),
		compose("extends itself", "    extends: {service: one}\n", "compose.yaml"),
		compose("the container runtime's socket", "    volumes: ['/var/run/docker.sock:/var/run/docker.sock']\n", at("volumes", "the machine's Docker")...),
		compose("a directory beside the file", "    volumes: ['./data:/data']\n"),
		compose("a bind mount, written out", "    volumes: [{type: bind, source: /, target: /host}]\n", at("volumes", "is of the machine")...),
		compose("a directory above the repository", "    volumes: ['../..:/host', './sub/../../..:/more']\n", at("volumes", "leaves the repository")...),
		compose("a home directory of this machine", "    volumes: ['~:/home', '~root/.ssh:/keys']\n", at("volumes", "is of the machine")...),
		compose("privileged", "    privileged: true\n", at("privileged")...),
		compose("the machine's network", "    network_mode: host\n", at("network_mode")...),
		compose("the machine's processes", "    pid: host\n", at("pid")...),
		compose("a device", "    devices: ['/dev/kvm:/dev/kvm']\n", at("devices")...),
		compose("the runtime's API", "    use_api_socket: true\n", at("use_api_socket")...),
		compose("a program as a provider", "    provider: {type: /bin/sh}\n", at("provider")...),
		compose("a build", "    build: {context: 'https://"+address+"/x.git'}\n", at("build", "is a URL")...),
		compose("a build from above", "    build: {context: ../.., dockerfile: /etc/passwd}\n", at("build", "leaves the repository")...),
		compose("labels from a file", "    label_file: /etc/passwd\n"),
		composeFile("a secret from a file", "services: {one: {image: 'one:1', secrets: [s]}}\nsecrets: {s: {file: /etc/passwd}}\n", "secrets.s", "absolute"),
		composeFile("a config from outside", "services: {one: {image: 'one:1', configs: [c]}}\nconfigs: {c: {file: ../../etc/passwd}}\n", "configs.c.file", "leaves the repository"),
		composeFile("a config from our environment", "services: {one: {image: 'one:1', configs: [c]}}\nconfigs: {c: {environment: PATH}}\n", "configs.c.environment", "no value"),
		composeFile("alias bomb", bomb, "compose.yaml", "aliases"),
		composeFile("unknown key", "services: {one: {image: 'one:1', exec: /bin/sh}}\n", "compose.yaml"),
		composeFile("no mapping", "- services\n", "compose.yaml"),
		composeFile("a name that is no service's", "services: {'One/../..': {image: 'one:1'}}\n", "compose.yaml"),
	}
}

// doubling are files of which each includes the next twice.
func doubling() map[string]string {
	all := map[string]string{"compose.yaml": "include: [0.yaml, 0.yaml]\nservices: {one: {image: 'one:1'}}\n"}
	for i := range 40 {
		all[fmt.Sprintf("%d.yaml", i)] = fmt.Sprintf("include: [%d.yaml, %[1]d.yaml]\nservices: {s%[1]d: {image: 'one:1'}}\n", i+1)
	}
	all["40.yaml"] = "services: {last: {image: 'one:1'}}\n"
	return all
}

// guardedCases render: what they ask for is for the guard to refuse.
func guardedCases() []Case {
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers: [{name: x, image: 'x:1'%s}]\n"
	foreign := resource("object of another namespace", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system}\n")
	return []Case{
		foreign, // the last layer moves it into the stage's own
		guarded("cluster role", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\nrules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n"),
		guarded("binding to the administrators", "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: x}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: ServiceAccount, name: default, namespace: kube-system}]\n"),
		resource("namespace, which is left out", configMap+"---\napiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system, labels: {pod-security.kubernetes.io/enforce: privileged}}\n"),
		guarded("namespace of another version", "apiVersion: other/v1\nkind: Namespace\nmetadata: {name: kube-system}\n"),
		guarded("plaintext secret that claims to be generated", "apiVersion: v1\nkind: Secret\nmetadata: {name: x, annotations: {slipway.dev/generated: stringData.password}}\nstringData: {password: hunter2}\n"),
		guarded("definition", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x.acme.example}\n"),
		guarded("webhook", "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: x}\n"),
		guarded("plaintext secret", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {password: hunter2}\n"),
		guarded("privileged pod", with(pod, ", securityContext: {privileged: true}")),
		guarded("port of the machine", with(pod, ", ports: [{containerPort: 80, hostPort: 80}]")),
		guarded("directory of the machine", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  hostNetwork: true\n  containers: [{name: x, image: 'x:1'}]\n  volumes: [{name: root, hostPath: {path: /}}]\n"),
		guarded("address outside", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {externalIPs: [192.0.2.1], ports: [{port: 80}]}\n"),
		guarded("name outside", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {type: ExternalName, externalName: metadata.internal}\n"),
	}
}
