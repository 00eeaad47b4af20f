package manifest_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/manifest"
)

func TestRead(t *testing.T) {
	asJSON, fields, err := manifest.Read([]byte("kind: A\nspec: {replicas: 3, note: \"a & b * c\"}\n"))
	if err != nil || string(asJSON) != `{"kind":"A","spec":{"note":"a & b * c","replicas":3}}` && !strings.Contains(string(asJSON), "replicas") || fields["kind"] != "A" {
		t.Errorf("read %s, %v, %v", asJSON, fields, err)
	}
}

func TestRefused(t *testing.T) {
	long := "a: [" + strings.TrimSuffix(strings.Repeat("1,", manifest.MaxElements+1), ",") + "]"
	for name, test := range map[string]struct{ text, want string }{
		"alias":             {"a: &a 1\nb: *a\n", "YAML aliases"},
		"merge key":         {"x: &x {kind: Pod}\n<<: *x\n", "YAML aliases"},
		"billion laughs":    {"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "YAML aliases"},
		"deep":              {"a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "nests more than 100"},
		"long list":         {long, "a list of more than 2000"},
		"twice":             {"a: 1\na: 2\n", "not valid YAML"},
		"no map":            {"- a\n", "no map"},
		"null":              {"null\n", "no map"},
		"a Secret's words":  {"kind: Secret\nstringData: {a: hush\n", "manifest of a Secret"},
		"control character": {"a: \x01\n", "not valid YAML"},
	} {
		_, _, err := manifest.Read([]byte(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: want %q, got %v", name, test.want, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || len(err.Error()) > 300) {
			t.Errorf("%s: the error says too much: %v", name, err)
		}
	}
}

// FuzzRead looks for panics, and for what is read without having been bounded.
func FuzzRead(f *testing.F) {
	f.Add([]byte("kind: A\nspec: {a: [1, {b: c}]}\n"))
	f.Add([]byte("a: &a [x,x]\nb: [*a,*a]\n"))
	f.Add([]byte("<<: {a: b}\n? [x]\n: y\n"))
	f.Fuzz(func(t *testing.T, document []byte) {
		asJSON, fields, err := manifest.Read(document)
		if err == nil && (fields == nil || len(asJSON) > 64*len(document)+64) {
			t.Errorf("%d bytes became %d", len(document), len(asJSON))
		}
	})
}
