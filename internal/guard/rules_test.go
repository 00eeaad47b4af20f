package guard

import (
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// ruleCase is manifests and what is refused of them. A case that wants nothing
// shows what its rule lets through.
type ruleCase struct {
	rule      Rule
	policy    func(*Policy)
	manifests []string
	want      []string
}

func cases() map[string]ruleCase {
	all := map[string]ruleCase{}
	for _, group := range []map[string]ruleCase{kindCases(), metadataCases(), objectCases(), trafficCases(), hostCases(), nodeCases(), permissionCases(), volumeCases(), securityCases(), containedCases(), imageCases()} {
		for name, c := range group {
			if _, twice := all[name]; twice {
				panic("two cases are called " + name)
			}
			all[name] = c
		}
	}
	return all
}

func ok(rule Rule, manifests ...string) ruleCase { return ruleCase{rule: rule, manifests: manifests} }

func no(manifest string, want ...string) ruleCase {
	return ruleCase{manifests: []string{manifest}, want: want}
}

func (c ruleCase) under(change func(*Policy)) ruleCase {
	c.policy = change
	return c
}

func baseline(p *Policy) { p.PodSecurity = v1alpha1.PodSecurityBaseline }

func restricted(p *Policy) { p.PodSecurity = v1alpha1.PodSecurityRestricted }

func kinds(kinds ...string) func(*Policy) {
	return func(p *Policy) { p.Kinds = kinds }
}

func kindCases() map[string]ruleCase {
	all := map[string]ruleCase{
		"a deployment":                    ok(RuleKind, with("spec.replicas", "3")),
		"a kind that the policy adds":     ok(RuleKind, doc("cert-manager.io/v1", "Certificate", "spec: {a: b}")).under(kinds("Certificate.cert-manager.io")),
		"a kind that it does not":         no(doc("cert-manager.io/v1", "Issuer", ""), "kind kind").under(kinds("Certificate.cert-manager.io")),
		"a kind of another group":         no(doc("acme.example/v1", "Deployment", ""), "kind kind"),
		"an old version":                  no(doc("apps/v1beta1", "Deployment", ""), "kind apiVersion"),
		"core version with a slash":       no(doc(`"/v1"`, "ConfigMap", ""), "kind apiVersion"),
		"core version with a blank":       no(doc(`"v1 "`, "ConfigMap", ""), "kind apiVersion"),
		"group with a blank":              no(doc(`"apps /v1"`, "Deployment", ""), "kind kind"),
		"group twice":                     no(doc(`apps/v1/v1`, "Deployment", ""), "kind apiVersion"),
		"kind in lower case":              no(doc("v1", "configmap", ""), "kind kind"),
		"a list":                          no(doc("v1", "List", "items: [{kind: Pod}]"), "kind kind"),
		"a list of config maps":           no(doc("v1", "ConfigMapList", "items: []"), "kind kind").under(kinds("ConfigMapList", "List")),
		"a list of another group":         no(doc("acme.example/v1", "ThingList", "items: []"), "kind kind").under(kinds("ThingList.acme.example")),
		"a daemon set":                    no(doc("apps/v1", "DaemonSet", ""), "kind kind"),
		"a daemon set is looked into":     no(doc("apps/v1", "DaemonSet", "spec: {template: {spec: {hostNetwork: true}}}"), "node "+podPath+".hostNetwork").under(kinds("DaemonSet.apps")),
		"a replica set is looked into":    no(doc("apps/v1", "ReplicaSet", "spec: {template: {spec: {hostPID: true}}}"), "node "+podPath+".hostPID").under(kinds("ReplicaSet.apps")),
		"the fields of the kind":          ok(RuleShape, with("spec.minReadySeconds", "3")),
		"an unknown field":                no(with("pod.hostNetWork", "true"), "pod "+podPath+".hostNetWork", "shape "),
		"a known field of the wrong case": no(with("pod.HostNetwork", "true"), "pod "+podPath+".HostNetwork", "shape "),
		"user as text":                    no(with("pod.securityContext.runAsUser", `"0"`), "shape "),
		"containers as a map":             no(with("pod.containers", "{a: b}"), "shape "),
		"privileged as text":              no(with("container.securityContext.privileged", `"true"`), "privileged "+containerPath+".securityContext.privileged", "shape "),
		"annotations that are no text":    no("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, annotations: {a: 5, eks.amazonaws.com/role-arn: b}}", "annotation metadata.annotations[eks.amazonaws.com/role-arn]", "shape "),
		"metadata is a list":              no("apiVersion: v1\nkind: ConfigMap\nmetadata: [a]", "name metadata.name", "shape "),
		"two objects of one kind":         ok(RuleDuplicate, doc("v1", "ConfigMap", ""), doc("v1", "ServiceAccount", "")),
		"the same object twice":           {manifests: []string{doc("v1", "ConfigMap", ""), doc("v1", "ConfigMap", "")}, want: []string{"duplicate "}},
		"the same object in another version": {manifests: []string{
			doc("autoscaling/v1", "HorizontalPodAutoscaler", "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: x}}"),
			doc("autoscaling/v2", "HorizontalPodAutoscaler", "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: x}}"),
		}, want: []string{"duplicate "}},
	}
	for _, forbidden := range [][2]string{
		{"v1", "Pod"}, {"v1", "Namespace"}, {"v1", "Node"}, {"v1", "PersistentVolume"}, {"v1", "Endpoints"}, {"v1", "ResourceQuota"},
		{"v1", "LimitRange"}, {"v1", "Event"}, {"v1", "Binding"}, {"v1", "ReplicationController"},
		{"rbac.authorization.k8s.io/v1", "Role"}, {"rbac.authorization.k8s.io/v1", "RoleBinding"},
		{"rbac.authorization.k8s.io/v1", "ClusterRole"}, {"discovery.k8s.io/v1", "EndpointSlice"},
		{"networking.k8s.io/v1", "NetworkPolicy"}, {"apiextensions.k8s.io/v1", "CustomResourceDefinition"},
		{"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"}, {"certificates.k8s.io/v1", "CertificateSigningRequest"},
		{"slipway.dev/v1alpha1", "Stage"}, {"scheduling.k8s.io/v1", "PriorityClass"}, {"authentication.k8s.io/v1", "TokenRequest"},
		{"gateway.networking.k8s.io/v1beta1", "ReferenceGrant"}, {"extensions/v1beta1", "Ingress"},
	} {
		kind := groupKind(forbidden[1], object{apiVersion: forbidden[0]}.group())
		all["never "+kind] = no(doc(forbidden[0], forbidden[1], ""), "kind kind").under(kinds(kind))
	}
	return all
}

func metadataCases() map[string]ruleCase {
	config := func(metadata fields) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {" + metadata + "}"
	}
	cloud := func(p *Policy) { p.Metadata = []string{"eks.amazonaws.com/role-arn", "acme.example/*"} }
	return map[string]ruleCase{
		"a name":                        ok(RuleName, config("name: x.y-1")),
		"no name":                       no(config("namespace: "+namespace), "name metadata.name"),
		"a generated name":              no(config("generateName: x"), "metadata metadata.generateName", "name metadata.name"),
		"a path as name":                no(config("name: ../../secrets/x"), "name metadata.name"),
		"a number as name":              no(config("name: 5"), "name metadata.name", "shape "),
		"the cluster's certificates":    no(config("name: kube-root-ca.crt"), "name metadata.name"),
		"the pull Secret":               no("apiVersion: v1\nkind: Secret\nmetadata: {name: slipway-pull}\n", "name metadata.name"),
		"own namespace":                 ok(RuleNamespace, config("name: x, namespace: "+namespace), config("name: z")),
		"another namespace":             no(config("name: x, namespace: kube-system"), "namespace metadata.namespace"),
		"a namespace that is no text":   no(config("name: x, namespace: [kube-system]"), "namespace metadata.namespace", "shape "),
		"another namespace in a pod":    no(with("spec.template", "{metadata: {namespace: other}}"), "namespace spec.template.metadata.namespace"),
		"empty metadata":                ok(RuleMetadata, config("name: x, creationTimestamp: null, finalizers: [], ownerReferences: []")),
		"a finalizer":                   no(config("name: x, finalizers: [acme.example/never]"), "metadata metadata.finalizers"),
		"a finalizer of a pod":          no(with("spec.template", "{metadata: {finalizers: [a.b/c]}}"), "metadata spec.template.metadata.finalizers"),
		"an owner":                      no(config("name: x, ownerReferences: [{apiVersion: v1, kind: Node, name: a, uid: b}]"), "metadata metadata.ownerReferences"),
		"a uid":                         no(config("name: x, uid: a"), "metadata metadata.uid"),
		"usual annotations":             ok(RuleAnnotation, config("name: x, annotations: {note: a, prometheus.io/scrape: 'true', slipway.dev/hook: release}")),
		"allowed annotations":           ok(RuleAnnotation, config("name: x, annotations: {acme.example/owner: a, eks.amazonaws.com/role-arn: b}")).under(cloud),
		"a cloud role":                  no("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x, annotations: {eks.amazonaws.com/role-arn: a}}", "annotation metadata.annotations[eks.amazonaws.com/role-arn]"),
		"another cloud's role":          no("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x, annotations: {iam.gke.io/gcp-service-account: a}}", "annotation metadata.annotations[iam.gke.io/gcp-service-account]").under(cloud),
		"a role of a pod":               no(with("spec.template", "{metadata: {annotations: {iam.amazonaws.com/role: admin}}}"), "annotation spec.template.metadata.annotations[iam.amazonaws.com/role]"),
		"another network for a pod":     no(with("spec.template", "{metadata: {annotations: {k8s.v1.cni.cncf.io/networks: kube-system/host}}}"), "annotation spec.template.metadata.annotations[k8s.v1.cni.cncf.io/networks]"),
		"Slipway's own annotation":      no(config("name: x, annotations: {slipway.dev/live: a}"), "annotation metadata.annotations[slipway.dev/live]").under(func(p *Policy) { p.Metadata = []string{"slipway.dev/*"} }),
		"a copy to other namespaces":    no(config("name: x, annotations: {reflector.v1.k8s.emberstack.com/reflection-auto-enabled: 'true'}"), "annotation metadata.annotations[reflector.v1.k8s.emberstack.com/reflection-auto-enabled]"),
		"usual labels":                  ok(RuleLabel, config("name: x, labels: {app: a, app.kubernetes.io/name: a, slipway.dev/service: web}")),
		"pod security":                  no(config("name: x, labels: {pod-security.kubernetes.io/enforce: privileged}"), "label metadata.labels[pod-security.kubernetes.io/enforce]"),
		"Slipway's own label":           no(config("name: x, labels: {slipway.dev/inventory: a}"), "label metadata.labels[slipway.dev/inventory]"),
		"a cloud identity of a pod":     no(with("spec.template", "{metadata: {labels: {azure.workload.identity/use: 'true'}}}"), "label spec.template.metadata.labels[azure.workload.identity/use]"),
		"metadata of a job's template":  no(doc("batch/v1", "CronJob", "spec: {jobTemplate: {metadata: {finalizers: [a.b/c]}}}"), "metadata spec.jobTemplate.metadata.finalizers"),
		"metadata of a claim template":  no(doc("apps/v1", "StatefulSet", "spec: {volumeClaimTemplates: [{metadata: {annotations: {volume.kubernetes.io/selected-node: a}}}]}"), "annotation spec.volumeClaimTemplates[0].metadata.annotations[volume.kubernetes.io/selected-node]"),
		"metadata of an unknown object": no("apiVersion: a.example/v1\nkind: B\nmetadata: {name: x, namespace: other, finalizers: [a]}", "metadata metadata.finalizers", "namespace metadata.namespace").under(kinds("B.a.example")),
	}
}

func objectCases() map[string]ruleCase {
	scaler := func(spec fields) string {
		return doc("autoscaling/v2", "HorizontalPodAutoscaler", "spec: {"+spec+"}")
	}
	budget := func(spec fields) string { return doc("policy/v1", "PodDisruptionBudget", "spec: {"+spec+"}") }
	const target = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: x}, maxReplicas: 3"
	return map[string]ruleCase{
		"an empty secret":         ok(RulePlaintextSecret, doc("v1", "Secret", "data: {}\nimmutable: true")),
		"a secret with data":      no(doc("v1", "Secret", "data: {a: Yg==}"), "plaintext-secret data"),
		"a secret with text":      no(doc("v1", "Secret", "stringData: {a: b}"), "plaintext-secret stringData"),
		"an opaque secret":        ok(RuleSecretType, doc("v1", "Secret", "type: Opaque")),
		"a token of an account":   no("apiVersion: v1\nkind: Secret\nmetadata: {name: x, annotations: {kubernetes.io/service-account.name: slipway-stage}}\ntype: kubernetes.io/service-account-token", "annotation metadata.annotations[kubernetes.io/service-account.name]", "secret-type type"),
		"a service account":       ok(RuleAccount, doc("v1", "ServiceAccount", "automountServiceAccountToken: false\nimagePullSecrets: [{name: a}]"), with("pod.serviceAccountName", "web")),
		"the stage's account":     no("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: slipway-stage}", "account metadata.name"),
		"the default account":     no("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default}", "account metadata.name"),
		"tokens of an account":    no(doc("v1", "ServiceAccount", "secrets: [{name: a}]"), "account secrets"),
		"a pod as the stage":      no(with("pod.serviceAccountName", "slipway-stage"), "account "+podPath+".serviceAccountName"),
		"a pod as the stage, old": no(with("pod.serviceAccount", "slipway-stage"), "account "+podPath+".serviceAccount"),
		"a job":                   ok(RuleJob, doc("batch/v1", "Job", "spec: {backoffLimit: 1, ttlSecondsAfterFinished: 5}")),
		"a job of somebody else":  no(doc("batch/v1", "Job", "spec: {managedBy: a.b/c}"), "job spec.managedBy"),
		"a job's pods":            no(doc("batch/v1", "Job", "spec: {template: {spec: {hostIPC: true}}}"), "node "+podPath+".hostIPC"),
		"a cron job's pods":       no(doc("batch/v1", "CronJob", "spec: {jobTemplate: {spec: {managedBy: a.b/c, template: {spec: {hostIPC: true}}}}}"), "job spec.jobTemplate.spec.managedBy", "node spec.jobTemplate.spec.template.spec.hostIPC"),
		"a stateful set's pods":   no(doc("apps/v1", "StatefulSet", "spec: {template: {spec: {hostIPC: true}}}"), "node "+podPath+".hostIPC"),
		"an autoscaler":           ok(RuleScaler, scaler(target+", metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]")),
		"an autoscaler of nodes":  no(scaler("scaleTargetRef: {apiVersion: karpenter.sh/v1, kind: NodePool, name: x}"), "scaler spec.scaleTargetRef"),
		"a metric from outside":   no(scaler(target+", metrics: [{type: External}]"), "scaler spec.metrics[0].type"),
		"a disruption budget":     ok(RuleDisruption, budget("maxUnavailable: 1"), "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: z}\nspec: {minAvailable: 50%}"),
		"a budget of nothing":     no(budget("maxUnavailable: 0"), "disruption spec.maxUnavailable"),
		"a budget of 0%":          no(budget("maxUnavailable: 0%"), "disruption spec.maxUnavailable"),
		"a budget of all":         no(budget("minAvailable: 100%"), "disruption spec.minAvailable"),
	}
}

func ingress(spec fields) string {
	return doc("networking.k8s.io/v1", "Ingress", "spec: {"+spec+"}")
}

func route(spec fields) string {
	return doc("gateway.networking.k8s.io/v1", "HTTPRoute", "spec: {"+spec+"}")
}

func trafficCases() map[string]ruleCase {
	service := func(spec fields) string { return doc("v1", "Service", "spec: {"+spec+"}") }
	annotated := func(annotations fields) string {
		return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x, annotations: {" + annotations + "}}"
	}
	rule := func(rule fields) string { return route("hostnames: [a.example], rules: [{" + rule + "}]") }
	hosts := func(p *Policy) { p.Hosts = []string{"shop.example"} }
	ownHosts := func(p *Policy) {
		p.Hosts, p.Domain, p.Project, p.Stage, p.Given = []string{}, "stages.example", "shop", "dev", []string{"web-dev-shop.stages.example"}
	}
	const sel = "selector: {app: x}"
	return map[string]ruleCase{
		"a service":                       ok(RuleServiceType, service(sel+", type: ClusterIP, ports: [{port: 80, targetPort: main}]")),
		"a node port":                     no(service(sel+", type: NodePort"), "service-type spec.type"),
		"a load balancer":                 no(service(sel+", type: LoadBalancer, loadBalancerIP: 10.0.0.1, loadBalancerClass: a"), "service-type spec.type", "service-reach spec.loadBalancerIP", "service-reach spec.loadBalancerClass"),
		"an external name":                no(service("type: ExternalName, externalName: metadata.google.internal"), "service-type spec.type", "service-reach spec.externalName", "service-selector spec.selector"),
		"a headless service":              ok(RuleServiceReach, service(sel+", clusterIP: None, clusterIPs: [None]")),
		"external addresses":              no(service(sel+", externalIPs: [8.8.8.8]"), "service-reach spec.externalIPs"),
		"a fixed address":                 no(service(sel+", clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10]"), "service-reach spec.clusterIP", "service-reach spec.clusterIP"),
		"a port of the nodes":             no(service(sel+", ports: [{port: 80, nodePort: 30080}]"), "service-reach spec.ports[0].nodePort"),
		"a service with a selector":       ok(RuleServiceSelector, service(sel)),
		"a service without one":           no(service("selector: {}, ports: [{port: 80}]"), "service-selector spec.selector"),
		"a service's cloud annotation":    no("apiVersion: v1\nkind: Service\nmetadata: {name: x, annotations: {external-dns.alpha.kubernetes.io/hostname: a}}\nspec: {selector: {a: b}}", "annotation metadata.annotations[external-dns.alpha.kubernetes.io/hostname]"),
		"own host":                        ok(RuleHost, ingress("rules: [{host: shop.example}], tls: [{hosts: [shop.example], secretName: a}]")).under(hosts),
		"any host":                        ok(RuleHost, ingress("rules: [{host: other.example}]")),
		"no host at all":                  no(ingress("rules: [{host: shop.example}]"), "host spec.rules[0].host").under(func(p *Policy) { p.Hosts = []string{} }),
		"a given host":                    ok(RuleHost, ingress("rules: [{host: a.shop.example}, {host: b.a.shop.example}]")).under(func(p *Policy) { p.Hosts = []string{"*.shop.example"} }),
		"the host above":                  no(ingress("rules: [{host: shop.example}]"), "host spec.rules[0].host").under(func(p *Policy) { p.Hosts = []string{"*.shop.example"} }),
		"a name that ends alike":          no(ingress("rules: [{host: evilshop.example}]"), "host spec.rules[0].host").under(func(p *Policy) { p.Hosts = []string{"*.shop.example", "shop.example"} }),
		"the domain itself":               no(ingress("rules: [{host: stages.example}]"), "host spec.rules[0].host").under(ownHosts),
		"a free name below the domain":    no(ingress("rules: [{host: login.stages.example}]"), "host spec.rules[0].host").under(ownHosts),
		"a name like Slipway's own":       no(ingress("rules: [{host: slipway.stages.example}]"), "host spec.rules[0].host").under(ownHosts),
		"the stage's own host":            ok(RuleHost, ingress("rules: [{host: web-dev-shop.stages.example}]")).under(ownHosts),
		"given, and reserved":             no(ingress("rules: [{host: shop.example}]"), "host-owner spec.rules[0].host").under(func(p *Policy) { p.Hosts, p.Reserved = []string{"shop.example"}, []string{"*.example"} }),
		"another's host":                  no(ingress("rules: [{host: other.example}], tls: [{hosts: [third.example]}]"), "host spec.rules[0].host", "host spec.tls[0].hosts[0]").under(hosts),
		"every host":                      no(ingress("defaultBackend: {service: {name: x}}, rules: [{}], tls: [{}]"), "host spec.defaultBackend", "host spec.rules[0].host", "host spec.tls[0].hosts"),
		"a wildcard host":                 no(ingress("rules: [{host: '*.example'}]"), "host spec.rules[0].host"),
		"a path":                          ok(RulePath, ingress(`rules: [{host: a.example, http: {paths: [{path: "/api(/|$)(.*)", pathType: ImplementationSpecific, backend: {service: {name: x, port: {number: 80}}}}]}}]`)),
		"a path with configuration":       no(ingress(`rules: [{host: a.example, http: {paths: [{path: "/a {} location /b"}]}}]`), "path spec.rules[0].http.paths[0].path"),
		"a path with a line end":          no(ingress(`rules: [{host: a.example, http: {paths: [{path: "/a\nb"}]}}]`), "path spec.rules[0].http.paths[0].path"),
		"a rewrite":                       ok(RulePath, annotated("nginx.ingress.kubernetes.io/rewrite-target: /$2")),
		"a rewrite with configuration":    no(annotated(`nginx.ingress.kubernetes.io/rewrite-target: "/;}"`), "path metadata.annotations[nginx.ingress.kubernetes.io/rewrite-target]"),
		"a snippet":                       no(annotated("nginx.ingress.kubernetes.io/server-snippet: a"), "annotation metadata.annotations[nginx.ingress.kubernetes.io/server-snippet]"),
		"a call elsewhere":                no(annotated("nginx.ingress.kubernetes.io/auth-url: a"), "annotation metadata.annotations[nginx.ingress.kubernetes.io/auth-url]"),
		"another class by annotation":     no(annotated("kubernetes.io/ingress.class: internal"), "annotation metadata.annotations[kubernetes.io/ingress.class]"),
		"an Ingress' annotation on a map": no("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, annotations: {cert-manager.io/issuer: a}}", "annotation metadata.annotations[cert-manager.io/issuer]"),
		"a backend":                       ok(RuleBackend, ingress("rules: [{host: a.example, http: {paths: [{backend: {service: {name: x}}}]}}]"), rule("backendRefs: [{name: x, port: 80, namespace: "+namespace+", kind: Service, group: ''}]")),
		"a resource as backend":           no(ingress("rules: [{host: a.example, http: {paths: [{backend: {resource: {kind: Bucket, name: a}}}]}}]"), "backend spec.rules[0].http.paths[0].backend.resource"),
		"a backend elsewhere":             no(rule("backendRefs: [{name: x, namespace: other}]"), "backend spec.rules[0].backendRefs[0].namespace"),
		"a backend of another kind":       no(rule("backendRefs: [{name: x, kind: Bucket}, {name: x, group: a.example}]"), "backend spec.rules[0].backendRefs[0].kind", "backend spec.rules[0].backendRefs[1].kind"),
		"the class":                       ok(RuleIngressClass, ingress("ingressClassName: public")),
		"any class":                       ok(RuleIngressClass, ingress("ingressClassName: internal")).under(func(p *Policy) { p.IngressClass = "" }),
		"another class":                   no(ingress("ingressClassName: internal"), "ingress-class spec.ingressClassName"),
		"the Gateway":                     ok(RuleGateway, route("hostnames: [a.example], parentRefs: [{name: public, namespace: gateways, kind: Gateway, group: gateway.networking.k8s.io}]")),
		"another Gateway":                 no(route("hostnames: [a.example], parentRefs: [{name: internal, namespace: gateways}, {name: public}]"), "gateway spec.parentRefs[0]", "gateway spec.parentRefs[1]"),
		"a service as parent":             no(route("hostnames: [a.example], parentRefs: [{name: public, namespace: gateways, kind: Service, group: ''}]"), "gateway spec.parentRefs[0]"),
		"no Gateway at all":               no(route("hostnames: [a.example], parentRefs: [{name: public, namespace: gateways}]"), "gateway spec.parentRefs[0]").under(func(p *Policy) { p.Gateway = "" }),
		"a route for every host":          no(route("rules: []"), "host spec.hostnames"),
		"a route for another's host":      no(route("hostnames: ['*.example', a.example]"), "host spec.hostnames[0]", "host spec.hostnames[1]").under(hosts),
		"a route's path":                  no(rule(`matches: [{path: {value: "/a{"}}]`), "path spec.rules[0].matches[0].path.value"),
		"a redirect":                      ok(RuleFilter, rule("filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]")),
		"a mirror":                        no(rule("filters: [{type: RequestMirror, requestMirror: {backendRef: {name: x, namespace: other}}}]"), "filter spec.rules[0].filters[0].type", "filter spec.rules[0].filters[0].requestMirror"),
		"a mirror behind another type":    no(rule("filters: [{type: URLRewrite, requestMirror: {backendRef: {name: x}}}]"), "filter spec.rules[0].filters[0].requestMirror"),
		"an extension of a backend":       no(rule("backendRefs: [{name: x, filters: [{type: ExtensionRef, extensionRef: {group: a, kind: b, name: c}}]}]"), "filter spec.rules[0].backendRefs[0].filters[0].type", "filter spec.rules[0].backendRefs[0].filters[0].extensionRef"),
	}
}
