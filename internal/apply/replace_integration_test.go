//go:build integration

package apply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

func TestImmutableFields(t *testing.T) {
	const replaced, refused = true, false
	annotated := func(manifest, annotation string) string {
		object := map[string]any{}
		if err := yaml.Unmarshal([]byte(manifest), &object); err != nil {
			t.Fatal(err)
		}
		metadata, _ := object["metadata"].(map[string]any)
		metadata["annotations"] = map[string]any{annotation: "true"}
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	asked := func(manifest string) string { return annotated(manifest, desired.AnnotationReplace) }
	const remedy = "set the annotation slipway.dev/replace: \"true\" on it, with which it is deleted and made anew: "
	selector := func(manifest string) string { return strings.ReplaceAll(manifest, "{app: web}", "{app: web2}") }
	binding := "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: web}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %s}\nsubjects: [{kind: ServiceAccount, name: web}]\n"
	role := "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: %s}\nrules: [{apiGroups: [\"\"], resources: [configmaps], verbs: [get]}]\n"
	frozen := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: frozen}\nimmutable: true\ndata: {key: %q}\n"
	deploy := strings.Replace(deployment("web", "registry.example/web:1", 1), "  labels: {slipway.dev/service: web}\n", "", 1)
	roles := fmt.Sprintf(role, "a") + "---\n" + fmt.Sprintf(role, "b") + "---\n"
	cases := map[string]struct {
		first, second, object string
		replaced              bool
		remedy                string
	}{
		"job":                        {job("seed", "registry.example/a:1"), job("seed", "registry.example/a:2"), "job/seed", refused, remedy + "a run that goes on is ended"},
		"job, asked":                 {job("seed", "registry.example/a:1"), asked(job("seed", "registry.example/a:2")), "job/seed", replaced, ""},
		"frozen config":              {fmt.Sprintf(frozen, "1"), fmt.Sprintf(frozen, "2"), "cm/frozen", refused, remedy + "what it holds besides its manifest is lost"},
		"frozen config, asked":       {fmt.Sprintf(frozen, "1"), asked(fmt.Sprintf(frozen, "2")), "cm/frozen", replaced, ""},
		"role of a binding":          {roles + fmt.Sprintf(binding, "a"), roles + fmt.Sprintf(binding, "b"), "rolebinding/web", refused, remedy},
		"role of a binding, asked":   {roles + fmt.Sprintf(binding, "a"), roles + asked(fmt.Sprintf(binding, "b")), "rolebinding/web", replaced, ""},
		"selector":                   {deploy, selector(deploy), "deploy/web", refused, remedy + "its pods stop meanwhile"},
		"selector, asked":            {deploy, asked(selector(deploy)), "deploy/web", replaced, ""},
		"name of a governing":        {statefulSet("db", "registry.example/db:1", "1Gi"), strings.Replace(statefulSet("db", "registry.example/db:1", "1Gi"), "serviceName: db", "serviceName: other", 1), "sts/db", refused, remedy + "its pods stop meanwhile, and its volumes stay as they are"},
		"name of a governing, asked": {statefulSet("db", "registry.example/db:1", "1Gi"), asked(strings.Replace(statefulSet("db", "registry.example/db:1", "1Gi"), "serviceName: db", "serviceName: other", 1)), "sts/db", replaced, ""},
		"claim template shrinks":     {statefulSet("db", "registry.example/db:1", "2Gi"), statefulSet("db", "registry.example/db:1", "1Gi"), "sts/db", refused, remedy},
		"claim template grows":       {statefulSet("db", "registry.example/db:1", "1Gi"), statefulSet("db", "registry.example/db:1", "2Gi"), "sts/db", refused, "deploy again then"},
		"volume's access":            {claim("files", "1Gi"), strings.Replace(claim("files", "1Gi"), "ReadWriteOnce", "ReadWriteMany", 1), "pvc/files", refused, remedy + "its data is lost"},
		"volume's access, asked":     {claim("files", "1Gi"), asked(strings.Replace(claim("files", "1Gi"), "ReadWriteOnce", "ReadWriteMany", 1)), "pvc/files", replaced, ""},
		"volume shrinks":             {claim("files", "2Gi"), claim("files", "1Gi"), "pvc/files", refused, remedy + "its data is lost"},
		"service's address":          {service("web", 80), service("web", 80) + "  clusterIP: None\n", "svc/web", refused, remedy + "it gets another address"},
		"service's address, asked":   {service("web", 80), asked(service("web", 80) + "  clusterIP: None\n"), "svc/web", replaced, ""},
		"successor unlawful":         {job("seed", "registry.example/a:1"), strings.Replace(job("seed", "registry.example/a:2"), "restartPolicy: Never", "restartPolicy: Always", 1), "job/seed", refused, "correct"},
		"successor unlawful, asked":  {job("seed", "registry.example/a:1"), asked(strings.Replace(job("seed", "registry.example/a:2"), "restartPolicy: Never", "restartPolicy: Always", 1)), "job/seed", refused, "correct"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			other := configMap("other", "1")
			s.apply(manifests(c.first, other))
			uid := s.field(c.object, ".metadata.uid")
			if c.replaced {
				report := s.apply(manifests(c.second, other))
				if len(report.Replaced) != 1 || s.field(c.object, ".metadata.uid") == uid {
					t.Errorf("not replaced: %+v", report)
				}
				s.traffic.spent()
				if report := s.apply(manifests(c.second, other)); report.Unchanged < 2 || len(report.Changed)+len(report.Repaired) > 0 {
					t.Errorf("not settled: %+v", report)
				}
				return
			}
			problem := s.refused(manifests(c.second, configMap("other", "2")))
			if !strings.Contains(problem.Remedy, c.remedy) {
				t.Errorf("remedy: %q, want something about %q (%s: %s)", problem.Remedy, c.remedy, problem.Reason, problem.Words)
			}
			if s.field(c.object, ".metadata.uid") != uid || s.field("cm/other", ".data.key") != "1" {
				t.Error("something was changed although the set is refused")
			}
		})
	}
}

// A rule of a custom resource that forbids a change is known by this: the server
// accepts the object as a new one.
func TestImmutableCustomResource(t *testing.T) {
	s := newStage(t)
	group := s.owner.Organization + ".example.com"
	s.kubectl(fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties: {size: {type: integer, x-kubernetes-validations: [{rule: self == oldSelf, message: nobody resizes a widget}]}}
`, group), "create", "-f", "-")
	s.kubectl("", "create", "clusterrolebinding", s.namespace, "--clusterrole=cluster-admin", "--serviceaccount="+s.namespace+":slipway-stage")
	widget := func(size int, annotations string) string {
		return fmt.Sprintf("apiVersion: %s/v1\nkind: Widget\nmetadata: {name: w, annotations: {%s}}\nspec: {size: %d}\n", group, annotations, size)
	}
	s.patiently("apply an object of a defined kind", func() error {
		_, err := s.applier.Apply(t.Context(), s.set(manifests(widget(1, ""))))
		return err
	})
	problem := s.refused(manifests(widget(2, ""), configMap("other", "1")))
	if problem.Reason != cause.Immutable || !strings.Contains(problem.Words, "nobody resizes a widget") || !strings.Contains(problem.Remedy, desired.AnnotationReplace) {
		t.Errorf("%s: %v", problem.Reason, problem)
	}
	if report := s.apply(manifests(widget(2, desired.AnnotationReplace+`: "true"`))); len(report.Replaced) != 1 {
		t.Errorf("asked: %+v", report)
	}
}

// One refused object keeps its service as it is, and no other.
func TestOneServiceIsRefused(t *testing.T) {
	s := newStage(t)
	set := func(version, selector string) string {
		return manifests(of("web", configMap("web", version)), of("web", service("web", 80)),
			of("db", configMap("db", version)), strings.ReplaceAll(deployment("db", "registry.example/db:"+version, 1), "{app: db}", "{app: "+selector+"}"))
	}
	s.apply(set("1", "db"))
	report, err := s.applier.Apply(t.Context(), s.set(set("2", "db2")))
	var partial *refusal.Partial
	if !errors.As(err, &partial) || fault.CodeOf(err) != fault.Invalid || !slices.Equal(partial.Applied, []string{"web"}) || len(partial.Services) != 1 || !strings.Contains(partial.Services["db"], "Deployment db") {
		t.Fatalf("%+v: %v", partial, err)
	}
	if got := s.field("cm/web", ".data.key") + s.field("cm/db", ".data.key") + s.field("deploy/db", ".spec.template.spec.containers[0].image"); got != "21registry.example/db:1" {
		t.Errorf("there is %s", got)
	}
	if len(report.Targets) != 1 || !report.Targets[0].Left {
		t.Errorf("it waits for %+v", report.Targets)
	}
	drifts, err := s.applier.Drift(t.Context(), s.owner)
	if err != nil || len(drifts) != 0 {
		t.Errorf("drift: %+v, %v", drifts, err)
	}
	if removal := s.prune(); len(removal.Deleted) != 0 {
		t.Errorf("pruned: %+v", removal)
	}
	if _, err := s.applier.Apply(t.Context(), s.set(set("2", "db2"))); !errors.As(err, &partial) { // the single change
		t.Errorf("again: %v", err)
	}
	if report := s.apply(set("2", "db")); len(report.Changed) != 2 || report.Unchanged != 2 {
		t.Errorf("mended: %+v", report)
	}
}

// disk makes a volume for a claim of the namespace.
func (s *stage) disk(class, claim string) {
	s.t.Helper()
	s.kubectl(fmt.Sprintf("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: %s-%s}\nspec:\n  storageClassName: %[3]s\n  capacity: {storage: 64Mi}\n  accessModes: [ReadWriteOnce]\n  hostPath: {path: /disk}\n  claimRef: {namespace: %[1]s, name: %[2]s}\n",
		s.namespace, claim, class), "create", "-f", "-")
}

// bound waits until a claim has its volume.
func (s *stage) bound(claim string) {
	s.t.Helper()
	s.patiently(claim+" is bound", func() error {
		if got := s.field("pvc/"+claim, ".status.phase"); got != "Bound" {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

func TestSecretIsNeverEchoed(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\n"
	for name, bad := range map[string]string{
		"no base64":  secret + "data: {token: \"hunter2 hunter2\"}\n",
		"bad key":    secret + "stringData: {\"hunter2/x\": \"hunter2\"}\n",
		"type":       secret + "type: kubernetes.io/tls\nstringData: {tls.crt: hunter2}\n",
		"no string":  secret + "stringData: {token: {hunter2: hunter2}}\n",
		"bad field":  secret + "dato: {token: hunter2}\n",
		"no yaml":    "kind: Secret\nstringData: {token: \"hunter2\n",
		"wrong data": secret + "data: [hunter2]\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			_, err := s.applier.Apply(t.Context(), s.set(manifests(bad, configMap("a", "1"))))
			if err == nil {
				t.Fatal("accepted")
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if name != "bad key" && strings.Contains(e.Error(), "hunter2") {
					t.Errorf("echoed: %v", e)
				}
			}
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("code %s: %v", fault.CodeOf(err), err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	typo := strings.NewReplacer("replicas: 1", "replcas: 1", "  labels: {slipway.dev/service: web}\n", "").Replace(deployment("web", "registry.example/web:1", 1))
	cases := map[string]struct {
		manifest string
		reason   cause.Code
		code     fault.Code
		words    string
	}{
		"misspelt field":    {typo, cause.Invalid, fault.Invalid, "replcas"},
		"invalid value":     {service("web", 70000), cause.Invalid, fault.Invalid, "spec.ports[0].port"},
		"removed version":   {strings.Replace(ingress("web", "web.example"), "networking.k8s.io/v1", "extensions/v1beta1", 1), cause.VersionNotServed, fault.Invalid, "apiVersion: networking.k8s.io/v1"},
		"old autoscaler":    {strings.Replace(horizontal("web", 1, 2), "autoscaling/v2", "autoscaling/v2beta2", 1), cause.VersionNotServed, fault.Invalid, "apiVersion: autoscaling/v2"},
		"unknown kind":      {"apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n", cause.VersionNotServed, fault.Invalid, "does not serve Widget"},
		"not allowed":       {"apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: more}\nspec: {hard: {pods: \"1000\"}}\n", cause.Denied, fault.Denied, "slipway-stage"},
		"cluster-scoped":    {"apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: mine}\nprovisioner: x\n", cause.ClusterScoped, fault.Denied, "not namespaced"},
		"escalating role":   {"apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: root}\nrules: [{apiGroups: [\"*\"], resources: [\"*\"], verbs: [\"*\"]}]\n", cause.Denied, fault.Denied, "root"},
		"twice":             {configMap("a", "1") + "---\n" + configMap("a", "2"), cause.Invalid, fault.Invalid, "twice"},
		"quota":             {claim("big", "10Gi"), cause.Quota, fault.Conflict, "exceeded quota"},
		"two documents bad": {service("web", 70000) + "---\n" + typo, cause.Invalid, fault.Invalid, "Deployment web"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.quota("requests.storage: 1Gi")
			_, err := s.applier.Apply(t.Context(), s.set(manifests(c.manifest, configMap("ok", "1"))))
			var failure *refusal.Failure
			if !errors.As(err, &failure) {
				t.Fatalf("%v, want a failure", err)
			}
			if first := failure.Objects[0]; first.Reason != c.reason || first.Code != c.code || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s %s: %v", first.Reason, first.Code, err)
			}
			s.eventually("resourcequota/small")
		})
	}
}

func TestMovedStageIsRefused(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(configMap("a", "1")))
	set := s.set(manifests(configMap("a", "1")))
	set.Cluster = "elsewhere"
	if _, err := s.applier.Apply(t.Context(), set); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("%v, want a conflict", err)
	}
}

func TestTwoAppliersOfOneStageExcludeEachOther(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(configMap("a", "1")))
	s.traffic.before = func(verb string) {
		if verb == "inventory PUT" {
			s.traffic.before = nil
			other := *s
			other.traffic = &traffic{}
			other.restart()
			other.apply(manifests(configMap("a", "1"), configMap("c", "1")))
		}
	}
	_, err := s.applier.Apply(t.Context(), s.set(manifests(configMap("a", "1"), configMap("b", "1"))))
	if fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("%v, want a conflict", err)
	}
	s.eventually("configmap/a", "configmap/c")
}

func TestBusyServerIsObeyed(t *testing.T) {
	s := newStage(t)
	busy := 0
	s.traffic.answer = func(request *http.Request) *http.Response {
		if busy++; busy%3 != 0 {
			return nil
		}
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}, "Content-Type": {"text/plain"}},
			Body: http.NoBody, Request: request,
		}
	}
	began := time.Now()
	report := s.apply(manifests(configMap("a", "1"), configMap("b", "1"), configMap("c", "1"), configMap("d", "1")))
	if len(report.Created) != 4 || time.Since(began) < time.Second {
		t.Errorf("%d created after %s, want 4 after the pause that the server asked for", len(report.Created), time.Since(began))
	}
}

func TestCancelledApplyRecordsWhatItDid(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	superseded := errors.New("a newer commit")
	patches := 0
	s.traffic.before = func(verb string) {
		if verb == "PATCH" {
			if patches++; patches == 3 {
				cancel(superseded)
			}
		}
	}
	_, err := s.applier.Apply(ctx, s.set(manifests(twelve("1")...)))
	if !errors.Is(err, superseded) {
		t.Fatalf("%v, want the cause of the cancellation", err)
	}
	s.traffic.before = nil
	if err := matches(s.owned(), s.objects()); err != nil {
		t.Error(err)
	}
}

// owned returns the inventory without what was only intended.
func (s *stage) owned() *inventory.Inventory {
	inventory := s.inventory()
	kept := inventory.Entries[:0]
	for _, entry := range inventory.Entries {
		if entry.UID != "" {
			kept = append(kept, entry)
		}
	}
	inventory.Entries = kept
	return inventory
}

func TestObjectsOfADefinedKind(t *testing.T) {
	s := newStage(t)
	group := s.owner.Organization + ".example.com"
	definition := fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.%[1]s}
spec:
  group: %[1]s
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`, group)
	widget := fmt.Sprintf("apiVersion: %s/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n", group)
	_, err := s.applier.Apply(t.Context(), s.set(manifests(definition, widget)))
	if fault.CodeOf(err) != fault.Denied {
		t.Fatalf("a set with a definition: %v, want it to be denied", err)
	}
	s.kubectl(definition, "create", "-f", "-")
	s.kubectl("", "create", "clusterrolebinding", s.namespace, "--clusterrole=cluster-admin", "--serviceaccount="+s.namespace+":slipway-stage")
	set := s.set(manifests(widget))
	s.patiently("apply an object of a defined kind", func() error {
		_, err := s.applier.Apply(t.Context(), set)
		return err
	})
	if got := s.kubectl("", "get", "widgets."+group+"/w", "-o", "jsonpath={.spec.size}"); got != "3" {
		t.Errorf("size %q, want 3", got)
	}
	if report, err := s.applier.Apply(t.Context(), set); err != nil || report.Unchanged != 1 {
		t.Errorf("not settled: %v %+v", err, report)
	}
}
