package guard

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// corpus is every manifest of the tables.
func corpus() []string {
	var all []string
	for _, c := range cases() {
		all = append(all, c.manifests...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Adding an object, wherever, never makes a finding of another go away.
func TestMoreObjectsNeverFewerFindings(t *testing.T) {
	manifests := corpus()
	rapid.Check(t, func(r *rapid.T) {
		chosen := rapid.SliceOfN(rapid.SampledFrom(manifests), 0, 6).Draw(r, "manifests")
		added := rapid.SampledFrom(manifests).Draw(r, "added")
		place := rapid.IntRange(0, len(chosen)).Draw(r, "place")
		policy := strictPolicy()
		policy.PodSecurity = rapid.SampledFrom(levels()).Draw(r, "level")
		before := count(t, policy, chosen)
		after := count(t, policy, slices.Insert(slices.Clone(chosen), place, added))
		for finding, n := range before {
			if after[finding] < n {
				r.Fatalf("%s: %d before %q was added, %d after", finding, n, added, after[finding])
			}
		}
	})
}

func count(t testing.TB, policy Policy, manifests []string) map[string]int {
	t.Helper()
	found, err := Check([]byte(strings.Join(manifests, "\n---\n")), policy)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range found {
		counts[f.Object+" "+f.Field+" "+string(f.Rule)]++
	}
	return counts
}

// A policy that allows more never refuses more.
func TestWiderPolicyNeverMoreFindings(t *testing.T) {
	for _, manifest := range corpus() {
		strict := count(t, strictPolicy(), []string{manifest})
		wide := strictPolicy()
		for _, p := range permissions() {
			wide.Allow = append(wide.Allow, p.name)
		}
		wide.PodSecurity, wide.Metadata, wide.IngressClass = v1alpha1.PodSecurityBaseline, []string{"eks.amazonaws.com/*"}, ""
		for finding, n := range count(t, wide, []string{manifest}) {
			if n > strict[finding] {
				t.Errorf("only the wider policy refuses %s\n%s", finding, manifest)
			}
		}
	}
}

// Check never panics, takes bounded time, and always answers the same.
func FuzzCheck(f *testing.F) {
	for _, manifest := range corpus() {
		f.Add([]byte(manifest))
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? {a: b}\n: c"))
	f.Add([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: !!binary eA==\n"))
	f.Add([]byte("\xef\xbb\xbfapiVersion: v1\u2028kind: Pod\u0085---\u0085kind: Pod"))
	f.Add([]byte("apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [null, 5, [], {ports: 5}]}}}"))
	f.Fuzz(func(t *testing.T, manifests []byte) {
		start := time.Now()
		found, err := Check(manifests, strictPolicy())
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%d bytes took %s", len(manifests), took)
		}
		if err != nil && len(found) > 0 {
			t.Errorf("%d findings and an error: %v", len(found), err)
		}
		again, _ := Check(manifests, strictPolicy())
		if !slices.Equal(found, again) {
			t.Errorf("first %v, then %v", found, again)
		}
		for _, finding := range found {
			if finding.Rule == "" || strings.ContainsRune(finding.String(), '\n') {
				t.Errorf("finding %q", finding.String())
			}
		}
	})
}
