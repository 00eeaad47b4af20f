//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// fenced is a namespace that nothing enters or leaves, with a server and a client.
const fenced = `
apiVersion: v1
kind: Namespace
metadata: {name: fenced}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all, namespace: fenced}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: fenced, labels: {app: server}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: web
    image: busybox:1.36
    command: [sh, -c, "mkdir /www && echo fenced > /www/index.html && exec httpd -f -p 8080 -h /www"]
    ports: [{name: http, containerPort: 8080}]
    readinessProbe: {httpGet: {port: http, path: /}, periodSeconds: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: fenced, labels: {app: client}}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
  - name: sleep
    image: busybox:1.36
    # The first thing that the first container does must be refused already.
    command: [sh, -c, "nc -w 3 10.244.77.1 5000 < /dev/null && echo escaped || echo refused; exec sleep 3600"]
`

// opened lets the client reach the server by name of port, ask the DNS, and
// reach the registry on the node.
const opened = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: server, namespace: fenced}
spec:
  podSelector: {matchLabels: {app: server}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: http}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: client, namespace: fenced}
spec:
  podSelector: {matchLabels: {app: client}}
  policyTypes: [Egress]
  egress:
  - {to: [{podSelector: {matchLabels: {app: server}}}], ports: [{port: http}]}
  - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
    ports: [{port: 53, protocol: UDP}, {port: 53}]
  - to: [{ipBlock: {cidr: 10.244.77.1/32}}, {ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]
    ports: [{port: 5000}, {port: 6000, endPort: 6010, protocol: SCTP}]
`

func policies(t *testing.T, c *cluster) {
	c.kubectl(t, fenced, "apply", "-f", "-")
	c.kubectl(t, "", "-n", "fenced", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=3m") // probes pass
	server := c.kubectl(t, "", "-n", "fenced", "get", "pod", "server", "-o", "jsonpath={.status.podIP}")
	const namespace = "fenced"
	try := func(namespace, pod, command string) bool {
		_, err := c.tryKubectl("", "-n", namespace, "exec", pod, "--", "sh", "-c", command)
		return err == nil
	}
	fetch := "timeout 3 wget -qO- http://" + server + ":8080/"

	eventually(t, time.Minute, "the client's first try is refused", func() string {
		if output := c.kubectl(t, "", "-n", namespace, "logs", "client"); strings.TrimSpace(output) != "refused" {
			return output
		}
		return ""
	})
	for name, command := range map[string]string{
		"to the registry":         "nc -w 3 10.244.77.1 5000 < /dev/null",
		"to the API server":       "nc -w 3 10.245.77.1 443 < /dev/null",
		"to the cluster's DNS":    "nslookup hello.default.svc.cluster.local",
		"to another service's IP": "timeout 3 wget -qO- http://" + c.kubectl(t, "", "get", "service", "hello", "-o", "jsonpath={.spec.clusterIP}"),
	} {
		if !try("default", "deployment/hello", command) {
			t.Errorf("%s: %q fails where no policy is, so nothing is proved", name, command)
		}
		if try(namespace, "client", command) {
			t.Errorf("%s: %q passes, want it blocked", name, command)
		}
	}
	for pod, of := range map[string]string{"deployment/hello": "default", "client": namespace} { // passes below, where allowed
		if try(of, pod, fetch) {
			t.Errorf("%s in namespace %s reaches the server, want it blocked", pod, of)
		}
	}

	c.kubectl(t, opened, "apply", "-f", "-")
	eventually(t, time.Minute, "what is allowed passes", func() string {
		if !try(namespace, "client", fetch) || !try(namespace, "client", "nslookup hello.default.svc.cluster.local") {
			return "still blocked"
		}
		return ""
	})
	if !try(namespace, "client", "nc -w 3 10.244.77.1 5000 < /dev/null") {
		t.Error("the registry, allowed by its address, is blocked")
	}
	if try(namespace, "client", "nc -w 3 10.245.77.1 443 < /dev/null") {
		t.Error("the API server, which no rule names, is reached")
	}
	if try("default", "deployment/hello", fetch) {
		t.Error("another namespace reaches the server, though only the client may")
	}
	c.kubectl(t, "", "delete", "namespace", "fenced", "--wait=false")
}
