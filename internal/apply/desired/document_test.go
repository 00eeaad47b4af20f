package desired

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

func TestSplit(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   []string
		code   fault.Code
	}{
		"nothing":            {"", nil, ""},
		"only comments":      {"# a\n---\n# b\n", nil, ""},
		"one":                {"a: 1\n", []string{"a: 1\n"}, ""},
		"two":                {"---\na: 1\n---\nb: 2\n", []string{"a: 1\n", "b: 2\n"}, ""},
		"no last line end":   {"a: 1\n---\nb: 2", []string{"a: 1\n", "b: 2"}, ""},
		"windows":            {"a: 1\r\n---\r\nb: 2\r\n", []string{"a: 1\r\n", "b: 2\r\n"}, ""},
		"dashes in a value":  {"a: |\n  ---\n  x\n", []string{"a: |\n  ---\n  x\n"}, ""},
		"document on a line": {"a: 1\n--- {b: 2}\n", nil, fault.Invalid},
		"end marker":         {"a: 1\n...\nb: 2\n", nil, fault.Invalid},
		"directive":          {"%YAML 1.1\n---\na: 1\n", nil, fault.Invalid},
		"too large":          {"a: " + strings.Repeat("x", maxDocument) + "\n", nil, fault.Invalid},
		"too many":           {strings.Repeat("a: 1\n---\n", maxDocuments+1), nil, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			parts, err := split([]byte(c.stream))
			if fault.CodeOf(err) != c.code {
				t.Fatalf("error %v, want code %q", err, c.code)
			}
			if err != nil {
				return
			}
			var got []string
			for _, part := range parts {
				got = append(got, string(part))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the stream, no document is lost between two others: what was split
// joins to the same documents again.
func FuzzSplit(f *testing.F) {
	f.Add("a: 1\n---\nb: 2\n")
	f.Add("---\n---\n#\n--- \nx")
	f.Fuzz(func(t *testing.T, stream string) {
		parts, err := split([]byte(stream))
		if err != nil {
			return
		}
		joined := ""
		for _, part := range parts {
			text := string(part)
			if !strings.HasSuffix(text, "\n") {
				text += "\n"
			}
			joined += "---\n" + text
		}
		again, err := split([]byte(joined))
		if err != nil || len(again) != len(parts) {
			t.Fatalf("%d documents became %d (%v)", len(parts), len(again), err)
		}
	})
}

func testSet(manifests string) Set {
	return Set{Owner: inventory.Owner{Organization: "acme", Project: "shop", Stage: "dev"}, Cluster: "c", Namespace: "sw-acme-shop-dev", Manifests: []byte(manifests)}
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		manifest string
		code     fault.Code
		words    string
	}{
		"good":              {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "", ""},
		"no kind":           {"apiVersion: v1\nmetadata: {name: a}\n", fault.Invalid, "lacks"},
		"no name":           {"apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a}\n", fault.Invalid, "lacks"},
		"a list":            {"- a\n", fault.Invalid, "no map"},
		"twice the key":     {"apiVersion: v1\napiVersion: v2\n", fault.Invalid, "not valid YAML"},
		"other namespace":   {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}\n", fault.Denied, "kube-system"},
		"own namespace":     {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: sw-acme-shop-dev}\n", "", ""},
		"path in the name":  {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ../secrets/x}\n", fault.Invalid, "may not"},
		"bad version":       {"apiVersion: a/b/c\nkind: X\nmetadata: {name: a}\n", fault.Invalid, "apiVersion"},
		"definition":        {"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\n", fault.Denied, "platform team"},
		"bad yaml":          {"a: [\n", fault.Invalid, "not valid YAML"},
		"deep":              {"a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), fault.Invalid, "nests more than"},
		"a long list":       {"a: [" + strings.Repeat("1,", 3000) + "1]", fault.Invalid, "a list of more than"},
		"secret, bad yaml":  {"kind: Secret\ndata: {a: hush\n", fault.Invalid, "manifest of a Secret"},
		"alias bomb":        {"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n", fault.Invalid, "YAML aliases"},
		"secret, bad value": {"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: 5}\n", fault.Invalid, "stringData.k"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Document{raw: []byte(c.manifest)}
			err := d.Parse(testSet(""))
			if fault.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("error %v, want code %q and %q", err, c.code, c.words)
			}
		})
	}
}

func TestPrepare(t *testing.T) {
	d := &Document{raw: []byte(`apiVersion: v1
kind: Secret
metadata:
  name: keys
  uid: forged
  resourceVersion: "1"
  creationTimestamp: null
  labels: {app.kubernetes.io/managed-by: Helm, mine: x}
data: {a: Yg==}
stringData: {b: c}
status: {x: 1}
`)}
	if err := d.Parse(testSet("")); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "v1", "kind": "Secret",
		"metadata": map[string]any{"name": "keys", "namespace": "sw-acme-shop-dev", "labels": map[string]any{
			"app.kubernetes.io/managed-by": "slipway", "slipway.dev/organization": "acme", "slipway.dev/project": "shop", "slipway.dev/stage": "dev", "mine": "x",
		}},
		"data": map[string]any{"a": "Yg==", "b": "Yw=="},
	}
	if diff := cmp.Diff(want, d.Object); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDigestDependsOnOwnerAndDocument(t *testing.T) {
	seen := map[string]bool{}
	for _, owner := range []inventory.Owner{
		{Organization: "a", Project: "b", Stage: "c"}, {Organization: "a", Project: "b", Stage: "d"}, {Organization: "a", Project: "bc"}, {Organization: "ab", Stage: "c"},
	} {
		for _, raw := range []string{"", "x", "y"} {
			digest := digestOf(owner, []byte(raw))
			if seen[digest] {
				t.Errorf("%v and %q share a digest with another", owner, raw)
			}
			seen[digest] = true
		}
	}
}
