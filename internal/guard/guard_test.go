package guard

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/manifest"
)

var update = flag.Bool("update", false, "write the documents that are made from code")

const (
	namespace = "sw-acme-shop-production"
	digest    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	image     = "registry.example/acme/web@" + digest
)

func strictPolicy() Policy {
	return Policy{Namespace: namespace, Gateway: "gateways/public", IngressClass: "public"}
}

func levels() []v1alpha1.PodSecurity {
	return []v1alpha1.PodSecurity{v1alpha1.PodSecurityContained, v1alpha1.PodSecurityRestricted, v1alpha1.PodSecurityBaseline}
}

// findings returns "rule field" of everything that is refused.
func findings(t testing.TB, policy Policy, manifests ...string) []string {
	t.Helper()
	found, err := Check([]byte(strings.Join(manifests, "\n---\n")), policy)
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(manifests, "\n---\n"))
	}
	var short []string
	for _, f := range found {
		if f.Object == "" || f.Message == "" {
			t.Errorf("a finding says nothing of its object or reason: %+v", f)
		}
		short = append(short, string(f.Rule)+" "+f.Field)
	}
	return short
}

// fields is the YAML of a map in one line.
type fields = string

// object returns a manifest of an object whose other fields are given.
func doc(apiVersion, kind string, rest fields) string {
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: x, namespace: %s}\n%s\n", apiVersion, kind, namespace, rest)
}

// good is a deployment that every policy accepts.
func good() map[string]any {
	var out map[string]any
	err := yaml.Unmarshal([]byte(doc("apps/v1", "Deployment", `
spec:
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: x
        image: `+image+`
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`)), &out)
	if err != nil {
		panic(err)
	}
	return out
}

// with sets a value at a path of keys and indexes in the good deployment's
// pod; "" stands for the deployment itself.
func with(path string, value fields) string {
	object := good()
	var decoded any
	if err := yaml.Unmarshal([]byte(value), &decoded); err != nil {
		panic(err)
	}
	names := strings.Split(path, ".")
	var here any = object
	if names[0] == "pod" {
		here, names = at(object, "spec", "template", "spec"), names[1:]
	}
	if names[0] == "container" {
		here, names = at(object, "spec", "template", "spec").(map[string]any)["containers"].([]any)[0], names[1:]
	}
	for _, name := range names[:len(names)-1] {
		m := here.(map[string]any)
		if m[name] == nil {
			m[name] = map[string]any{}
		}
		here = m[name]
	}
	here.(map[string]any)[names[len(names)-1]] = decoded
	out, err := yaml.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(out)
}

const (
	podPath       = "spec.template.spec"
	containerPath = podPath + ".containers[0]"
)

func TestRules(t *testing.T) {
	refused, accepted := map[Rule]bool{}, map[Rule]bool{}
	for name, tc := range cases() {
		t.Run(name, func(t *testing.T) {
			policy := strictPolicy()
			if tc.policy != nil {
				tc.policy(&policy)
			}
			got := findings(t, policy, tc.manifests...)
			slices.Sort(tc.want)
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
		for _, want := range tc.want {
			rule, _, _ := strings.Cut(want, " ")
			refused[Rule(rule)] = true
		}
		if len(tc.want) == 0 {
			accepted[tc.rule] = true
		}
	}
	for _, row := range Table() {
		if !refused[row.Rule] {
			t.Errorf("no case shows that rule %s refuses anything", row.Rule)
		}
		if !accepted[row.Rule] {
			t.Errorf("no case shows what rule %s lets through", row.Rule)
		}
	}
}

// What Slipway itself makes of every source must pass.
func TestRenderedManifestsPass(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../examples/testdata/*/*.yaml", "../render/testdata/*/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 15 {
		t.Fatalf("only %d rendered files are there", len(files))
	}
	for _, file := range files {
		t.Run(strings.ReplaceAll(strings.TrimPrefix(file, "../"), "/", "_"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			policy := Policy{Namespace: namespaceOf(t, data), Gateway: "gateways/public", PriorityClasses: []string{"production"}}
			policy.Allow = []v1alpha1.Permission{v1alpha1.PermissionServiceTokens}
			for _, level := range levels() {
				if strings.HasSuffix(file, "-"+string(level)+".yaml") {
					policy.PodSecurity = level
				}
			}
			found, err := Check(data, policy)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				// The files show references as they are written, before their
				// digests are put in.
				if f.Rule != RuleImageDigest {
					t.Error(f)
				}
			}
		})
	}
}

func namespaceOf(t *testing.T, data []byte) string {
	t.Helper()
	var objects []object
	err := each(data, func(o object) { objects = append(objects, o) })
	if err != nil || len(objects) == 0 {
		t.Fatalf("%d objects, %v", len(objects), err)
	}
	return text(objects[0].fields["metadata"], "namespace")
}

func TestUnreadable(t *testing.T) {
	nested := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for name, tc := range map[string]struct{ manifests, want string }{
		"no YAML":              {"a: [", "document 1"},
		"a list":               {"- a", "no map of fields"},
		"null":                 {"null", "is no map of fields"},
		"an empty object":      {"{}", "has no apiVersion and kind"},
		"no kind":              {"apiVersion: v1", "has no apiVersion and kind"},
		"kind is a number":     {"apiVersion: v1\nkind: 5", "has no apiVersion and kind"},
		"duplicate key":        {"apiVersion: v1\nkind: ConfigMap\nkind: Pod", "document 1"},
		"duplicate nested key": {doc("v1", "ConfigMap", "data: {a: b, a: c}"), "document 1"},
		"second document":      {doc("v1", "ConfigMap", "") + "...\n" + doc("v1", "Pod", ""), `begins with "..."`},
		"marker with words":    {doc("v1", "ConfigMap", "") + "--- # next\n" + doc("v1", "Pod", ""), `begins with "---"`},
		"marker with object":   {doc("v1", "ConfigMap", "") + "--- {kind: Pod}\n", `begins with "---"`},
		"directive":            {"%YAML 1.2\n---\n" + doc("v1", "ConfigMap", ""), `begins with "%YA"`},
		"hidden line end":      {"apiVersion: v1\rkind: ConfigMap\r---\rkind: Pod\n", "carriage return"},
		"long list":            {doc("apps/v1", "Deployment", "spec: {template: {spec: {containers: ["+strings.Repeat("{},", 300_000)+"]}}}"), "more than 2000 elements"},
		"deep":                 {doc("v1", "ConfigMap", "data: "+nested), "nests more than 100"},
		"deep braces":          {doc("v1", "ConfigMap", "data: "+strings.Repeat("{a: ", 150)+strings.Repeat("}", 150)), "nests more than 100"},
		"very deep":            {"a: " + strings.Repeat("[", 1<<20), "document 1"},
		"large document":       {doc("v1", "ConfigMap", "data: {a: "+strings.Repeat("x", 2<<20)+"}"), "larger than the 1024 KiB"},
		"many documents":       {strings.Repeat("---\nkind: Pod\n", 5001), "more than 5000"},
		"large":                {strings.Repeat("# comment\n", 7<<20), "larger than 64 MiB"},
		"alias bomb":           {doc("v1", "ConfigMap", "data:\n  a: &a "+strings.Repeat("x", 1<<19)+"\n  b: ["+strings.TrimSuffix(strings.Repeat("*a,", 100_000), ",")+"]"), "YAML aliases"},
		"merge key":            {"x: &x {kind: Pod}\n<<: *x\napiVersion: v1\n", "YAML aliases"},
		"billion laughs":       {"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\napiVersion: v1\nkind: ConfigMap", "YAML aliases"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Check([]byte(tc.manifests), strictPolicy())
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("got %v, want an invalid fault", err)
			}
			if message := fault.MessageOf(err); !strings.Contains(message, tc.want) || len(message) > 1000 {
				t.Errorf("the message is %q, want %q in it", clip(message), tc.want)
			}
		})
	}
}

func TestReadable(t *testing.T) {
	for name, manifests := range map[string]string{
		"nothing":             "",
		"comments":            "# a\n---\n---\n  \n# b\n",
		"stars and ands":      doc("v1", "ConfigMap", `data: {a: "* & *", b: 5 * 5 & 3}`),
		"separator in a text": doc("v1", "ConfigMap", "data:\n  a: |\n    ---\n    kind: Pod\n    ..."),
		"windows lines":       strings.ReplaceAll(doc("v1", "ConfigMap", "data: {a: b}"), "\n", "\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			if got := findings(t, strictPolicy(), manifests); len(got) > 0 {
				t.Errorf("refused: %v", got)
			}
		})
	}
}

// What is written in a Secret never gets into a message.
func TestNoSecretInMessages(t *testing.T) {
	for name, manifests := range map[string]string{
		"type":    doc("v1", "Secret", "data: hunter2"),
		"value":   doc("v1", "Secret", "stringData: {password: hunter2}"),
		"unknown": doc("v1", "Secret", "hunter2: a"),
		"syntax":  "kind: Secret\nstringData: {a: hunter2, hunter2\n",
		"key":     "kind: Secret\nhunter2: 1\nhunter2: 2\n",
	} {
		t.Run(name, func(t *testing.T) {
			found, err := Check([]byte(manifests), strictPolicy())
			if len(found) == 0 && err == nil {
				t.Fatal("nothing is refused")
			}
			if all := fmt.Sprint(found, err); strings.Contains(all, "hunter2") {
				t.Errorf("the message gives the value away: %s", all)
			}
		})
	}
}

// Authors' text can't pass for a message of ours.
func TestMessagesAreOneLine(t *testing.T) {
	name := "x\nDeployment/web: all is well\x1b[2J" + strings.Repeat("y", 100_000)
	manifests := fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %q, namespace: %q, annotations: {%q: a}}\nspec: {type: %q}\n", name, name, "a/"+name[:40], name)
	found, err := Check([]byte(manifests), strictPolicy())
	if err != nil || len(found) < 4 {
		t.Fatalf("%v, %v", found, err)
	}
	for _, f := range found {
		if s := f.String(); strings.ContainsAny(s, "\n\x1b") || len(s) > 1500 {
			t.Errorf("the message has %d bytes: %q", len(s), s[:min(len(s), 300)])
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	containers := strings.Repeat("{},", manifest.MaxElements)
	found, err := Check([]byte(doc("apps/v1", "Deployment", "spec: {template: {spec: {containers: ["+containers+"]}}}")), strictPolicy())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != maxFindings {
		t.Errorf("%d findings, want %d", len(found), maxFindings)
	}
}

func TestFindingSays(t *testing.T) {
	found, err := Check([]byte(with("container.image", "redis:8")), strictPolicy())
	if err != nil {
		t.Fatal(err)
	}
	want := "Deployment/x: spec.template.spec.containers[0].image: redis:8 has no digest, and tags move; add @sha256:…, or let Slipway resolve it (rule image-digest)"
	if len(found) != 1 || found[0].String() != want {
		t.Errorf("got %v, want %s", found, want)
	}
}
