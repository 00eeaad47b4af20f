package kustomization

import (
	"testing"

	"sigs.k8s.io/kustomize/api/provider"
)

// TestEncodeEqualsKustomize holds encode to the bytes that Kustomize writes.
func TestEncodeEqualsKustomize(t *testing.T) {
	cases := map[string]string{
		"numbers":    `{a: 1, b: 1.5, c: 1e3, d: -0, e: 9223372036854775807, f: 0.1, g: 1.0, h: 100000000000000000000, i: 1e21, j: 18446744073709551615, k: 12345678901.5}`,
		"strings":    `{a: "1", b: "yes", c: "0x1f", d: "", e: " ", f: "null", g: "1e3", h: "2001-01-01", i: "12:30:45", j: "~", k: "a: b", l: "#x", m: "é☃\u2028", n: "\u0007", o: "<&>"}`,
		"multi-line": "{a: \"x\\ny\\n\", b: \"x\\ny\", c: \"\\n\", d: \" x\\n y\", e: \"tab\\there\", f: \"trailing \\n\"}",
		"long":       `{a: "` + longText() + `"}`,
		"keys":       `{b: 1, a10: 1, a9: 1, "1": 2, "true": 3, "": 4, A: 5, a_: 6}`,
		"nesting":    `{a: [], b: {}, c: [[1, [2]], {x: null}], d: null, e: [null, {}], f: true}`,
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: " + data + "\n"
			one, err := provider.NewDefaultDepProvider().GetResourceFactory().FromBytes([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			want, err := one.AsYAML()
			if err != nil {
				t.Fatal(err)
			}
			object, err := decode(one)
			if err != nil {
				t.Fatal(err)
			}
			got, err := object.Text()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("encode writes\n%s\nbut Kustomize\n%s", got, want)
			}
		})
	}
}

func longText() string {
	text := ""
	for range 40 {
		text += "word and more "
	}
	return text
}
