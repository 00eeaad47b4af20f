package naming

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"
)

var (
	update = flag.Bool("update", false, "add new names to the golden table")
	pairs  = flag.Int("pairs", 100_000, "how many pairs of random tuples TestPairs compares")
)

// kinds are all functions over three strings; a function of fewer parts
// ignores the rest, and used says how many count.
var kinds = map[string]struct {
	used int
	name func(a, b, c string) string
}{
	"organization": {1, func(a, _, _ string) string { return OrganizationNamespace(a) }},
	"namespace":    {3, Namespace},
	"build":        {2, func(a, b, _ string) string { return BuildNamespace(a, b) }},
	"stage":        {2, func(a, b, _ string) string { return StageObject(a, b) }},
	"release":      {1, func(a, _, _ string) string { return Release(a, 7) }},
	"delivery":     {3, Delivery},
	"job":          {1, func(a, _, _ string) string { return BuildJob(a) }},
	"inventory":    {1, func(a, _, _ string) string { return Inventory(a) }},
	"seal":         {1, func(a, _, _ string) string { return SealIdentity(a) }},
	"seed":         {1, func(a, _, _ string) string { return ChartSeed(a) }},
	"host claim":   {1, func(a, _, _ string) string { return HostClaim(a) }},
	"bundle":       {2, func(a, b, _ string) string { return Bundle(a, b) }},
	"ref":          {2, func(a, b, _ string) string { return StageForRef(a, b) }},
	"pull":         {1, func(a, _, _ string) string { return StageForPullRequest(a, 7) }},
	"host": {3, func(a, b, c string) string {
		return strings.TrimSuffix(Host(a, b, c, "dev.example"), ".dev.example")
	}},
	"label": {1, func(a, _, _ string) string { return LabelValue(a) }},
}

func check(t interface{ Fatalf(string, ...any) }, kind, name string) {
	if kind == "label" {
		if problems := validation.IsValidLabelValue(name); problems != nil {
			t.Fatalf("%s: %q is no label value: %v", kind, name, problems)
		}
		return
	}
	if problems := validation.IsDNS1123Label(name); problems != nil {
		t.Fatalf("%s: %q is no DNS label: %v", kind, name, problems)
	}
	if len(name) >= 4 && name[2:4] == "--" {
		t.Fatalf("%s: %q is a reserved DNS label", kind, name)
	}
	namespace := kind == "namespace" || kind == "build"
	if namespace && !strings.HasPrefix(name, "sw-") && !strings.HasPrefix(name, "swb-") && !strings.HasPrefix(name, "swx--") && !strings.HasPrefix(name, "swb--") {
		t.Fatalf("%s: %q may be somebody else's namespace", kind, name)
	}
}

var hostile = []string{
	"", "a", "b", "-", "--", "a-b", "a-", "-a", "a--b", "b-c", "c", "x", "X", "feature/x", "feature-x", "Feature/X",
	"feature_x", "feature.x", "refs/heads/main", "refs/tags/main", "main", "Main", "MAIN", "🚀", "🚀🚀", "🔥/🚀",
	"kube-system", "default", "slipway-system", "slipway-org-a", "pr-1", "pr", "1", "12", "xn--80ak6aa92e",
	strings.Repeat("a", 40), strings.Repeat("a", 41), strings.Repeat("a", 63), strings.Repeat("a", 250), strings.Repeat("a-", 125),
	strings.Repeat("ä", 125), "a\x00b", "a\nb", "\xff\xfe", "a--aaaaaaaaaaaaaaaa", "a__aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa",
	"shop", "web", "production", "a.b", "a_b", " a", "a ", "../..",
}

func TestHostileInputsGiveDistinctValidNames(t *testing.T) {
	for kind, k := range kinds {
		seen := map[string][3]string{}
		eachTuple(k.used, func(in [3]string) {
			name := k.name(in[0], in[1], in[2])
			check(t, kind, name)
			if other, ok := seen[name]; ok {
				t.Fatalf("%s: %q for both %q and %q", kind, name, other, in)
			}
			seen[name] = in
		})
	}
}

func eachTuple(used int, visit func([3]string)) {
	one := []string{""}
	second, third := one, one
	if used > 1 {
		second = hostile
	}
	if used > 2 {
		third = hostile[:20]
	}
	for _, a := range hostile {
		for _, b := range second {
			for _, c := range third {
				visit([3]string{a, b, c})
			}
		}
	}
}

// TestPairs compares random tuples, each with a neighbour that differs by one small
// edit or by a moved separator: the pairs most likely to collide.
func TestPairs(t *testing.T) {
	names := make([]string, 0, len(kinds))
	for kind := range kinds {
		names = append(names, kind)
	}
	slices.Sort(names)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range *pairs {
		kind := names[i%len(names)]
		k := kinds[kind]
		var in [3]string
		for p := range k.used {
			in[p] = randomPart(r)
		}
		next := neighbour(r, in, k.used)
		a, b := k.name(in[0], in[1], in[2]), k.name(next[0], next[1], next[2])
		if (a == b) != (in == next) {
			t.Fatalf("%s: %q and %q give %q and %q", kind, in, next, a, b)
		}
		if i%16 < 2 {
			check(t, kind, a)
		}
	}
}

const letters = "ab-AB/._2"

func randomPart(r *rand.Rand) string {
	if r.IntN(8) == 0 {
		return hostile[r.IntN(len(hostile))]
	}
	part := make([]byte, r.IntN(7))
	for i := range part {
		part[i] = letters[r.IntN(len(letters))]
	}
	return string(part)
}

func neighbour(r *rand.Rand, in [3]string, used int) [3]string {
	p := r.IntN(used)
	switch r.IntN(5) {
	case 0: // move the separator
		if joined := in[p] + "-" + in[(p+1)%used]; used > 1 {
			at := strings.LastIndexByte(joined, '-')
			in[p], in[(p+1)%used] = joined[:at], joined[at+1:]
		}
	case 1:
		in[p] = strings.ToLower(in[p])
	case 2:
		in[p] = strings.NewReplacer("/", "-", "_", "-", ".", "-").Replace(in[p])
	case 3:
		in[p] += letters[r.IntN(len(letters)):][:1]
	default:
		in[p] = randomPart(r)
	}
	return in
}

func TestInjectiveProperty(t *testing.T) {
	part := rapid.OneOf(rapid.String(), rapid.SampledFrom(hostile), rapid.StringMatching(`[a-c]{0,3}(-{1,2}[a-c2]{1,16}){0,3}`))
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"namespace", "build", "stage", "delivery", "bundle", "ref", "host", "label", "organization"}).Draw(t, "kind")
		k := kinds[kind]
		seen := map[string][3]string{}
		for range 50 {
			var in [3]string
			for p := range k.used {
				in[p] = part.Draw(t, "part")
			}
			name := k.name(in[0], in[1], in[2])
			check(t, kind, name)
			if other, ok := seen[name]; ok && other != in {
				t.Fatalf("%s: %q for both %q and %q", kind, name, other, in)
			}
			seen[name] = in
		}
	})
}

// TestMadeNamesAsInputs takes a made name as an input: nobody gets a second input to
// give the first one's name by calling a project like a made name.
func TestMadeNamesAsInputs(t *testing.T) {
	for kind, k := range kinds {
		seen := map[string]string{}
		inputs := slices.Clone(hostile)
		for range 3 {
			for _, in := range slices.Clone(inputs[len(inputs)-len(hostile):]) {
				inputs = append(inputs, k.name(in, "b", "c"))
			}
		}
		slices.Sort(inputs)
		for _, in := range slices.Compact(inputs) {
			name := k.name(in, "b", "c")
			if other, ok := seen[name]; ok {
				t.Fatalf("%s: %q for both %q and %q", kind, name, other, in)
			}
			seen[name] = in
		}
	}
}

func TestKindsOfNamespacesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, kind := range []string{"namespace", "build", "organization"} {
		eachTuple(kinds[kind].used, func(in [3]string) {
			name := kinds[kind].name(in[0], in[1], in[2])
			if other, ok := seen[name]; ok && other != kind {
				t.Fatalf("%q is a namespace of kind %s and of kind %s", name, other, kind)
			}
			seen[name] = kind
		})
	}
}

func TestStageNamesOfDifferentOriginDiffer(t *testing.T) {
	for _, rule := range []string{"production", "feature", "a-b", "pr-1", "pr", "a--b", "pr-1-2", "feature-x--aaaaaaaaaaaaaaaa"} {
		ref, pull := StageForRef(rule, "refs/heads/x"), StageForPullRequest("", 1)
		if IsStageRule(ref) {
			t.Errorf("StageForRef(%q) = %q could be a rule's own name", rule, ref)
		}
		if IsStageRule(pull) || pull == ref {
			t.Errorf("%q of a pull request could be another stage's name", pull)
		}
	}
}

func TestStageRule(t *testing.T) {
	tests := map[string]bool{
		"production": true, "a": true, "a-b": true, "v2": true, "prod": true, "pr2": true,
		"": false, "2a": false, "pr": false, "pr-1": false, "a--b": false, "A": false, "a_b": false, "-a": false, "a-": false,
		strings.Repeat("a", 40): true, strings.Repeat("a", 41): false,
	}
	for name, want := range tests {
		if got := IsStageRule(name); got != want {
			t.Errorf("IsStageRule(%q) = %v", name, got)
		}
	}
}

func TestNamesAreTheirOwnLabelValues(t *testing.T) {
	for kind, k := range kinds {
		for _, a := range hostile {
			for _, b := range hostile {
				name := k.name(a, b, "c")
				if got := LabelValue(name); kind != "label" && got != name {
					t.Fatalf("LabelValue(%q) = %q", name, got)
				}
			}
		}
	}
}

func TestHostLength(t *testing.T) {
	domain := strings.Repeat(strings.Repeat("d", 62)+".", 3) + "d"
	if len(domain) != 190 {
		t.Fatalf("the longest domain is 190 characters, this one %d", len(domain))
	}
	long := strings.Repeat("s", 63)
	host := Host(long, long, long, domain)
	if problems := validation.IsDNS1123Subdomain(host); problems != nil || len(host) > 253 {
		t.Fatalf("%q (%d characters): %v", host, len(host), problems)
	}
}

// TestStable holds the names that were ever given. Lines may be added (with
// -update) but none may change: a changed name is an orphaned namespace.
func TestStable(t *testing.T) {
	var got bytes.Buffer
	for _, in := range stable {
		fmt.Fprintf(&got, "%s = %s\n", in.call, in.name)
	}
	path := filepath.Join("testdata", "stable.golden")
	old, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got.Bytes(), old) {
		t.Fatalf("names changed; old:\n%s\nnew:\n%s", old, got.Bytes())
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if len(old) != got.Len() {
		t.Fatal("new names are missing from the golden table; run with -update")
	}
}

var stable = []struct{ call, name string }{
	{"organization acme", OrganizationNamespace("acme")},
	{"organization a--b", OrganizationNamespace("a--b")},
	{"organization Acme", OrganizationNamespace("Acme")},
	{"namespace acme shop production", Namespace("acme", "shop", "production")},
	{"namespace acme shop pre-prod", Namespace("acme", "shop", "pre-prod")},
	{"namespace acme my-shop production", Namespace("acme", "my-shop", "production")},
	{"namespace acme shop 40 letters", Namespace("acme", "shop", strings.Repeat("s", 40))},
	{"namespace 40 40 40 letters", Namespace(strings.Repeat("o", 40), strings.Repeat("p", 40), strings.Repeat("s", 40))},
	{"namespace of feature/x", Namespace("acme", "shop", StageForRef("feature", "refs/heads/feature/x"))},
	{"namespace of pull request", Namespace("acme", "shop", StageForPullRequest("", 12))},
	{"namespace empty", Namespace("", "", "")},
	{"build acme shop", BuildNamespace("acme", "shop")},
	{"build acme my-shop", BuildNamespace("acme", "my-shop")},
	{"build acme-eu my-shop", BuildNamespace("acme-eu", "my-shop")},
	{"stage shop production", StageObject("shop", "production")},
	{"stage my-shop production", StageObject("my-shop", "production")},
	{"stage shop feature/x", StageObject("shop", StageForRef("feature", "refs/heads/feature/x"))},
	{"release shop-production 42", Release("shop-production", 42)},
	{"release of the longest stage", Release(StageObject(strings.Repeat("p", 40), strings.Repeat("s", 40)), 42)},
	{"delivery github", Delivery("shop", "github", "72d3162e-cc78-11e3-81ab-4c9367dc0958")},
	{"delivery gitlab", Delivery("my-shop", "gitlab", "72d3162e-cc78-11e3-81ab-4c9367dc0958")},
	{"job", BuildJob("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")},
	{"job sha256", BuildJob("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")},
	{"inventory", Inventory("shop-production")},
	{"inventory feature/x", Inventory(StageObject("shop", StageForRef("feature", "refs/heads/feature/x")))},
	{"bundle", Bundle("shop-production", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")},
	{"ref feature/x", StageForRef("feature", "refs/heads/feature/x")},
	{"ref feature-x", StageForRef("feature", "refs/heads/feature-x")},
	{"ref Feature/X", StageForRef("feature", "refs/heads/Feature/X")},
	{"ref tag v1.2.3", StageForRef("versions", "refs/tags/v1.2.3")},
	{"ref branch v1.2.3", StageForRef("versions", "refs/heads/v1.2.3")},
	{"ref emoji", StageForRef("feature", "refs/heads/🚀🔥")},
	{"ref 250 bytes", StageForRef("feature", "refs/heads/"+strings.Repeat("long-", 50))},
	{"pull request 12", StageForPullRequest("", 12)},
	{"pull request api 12", StageForPullRequest("api", 12)},
	{"host web production shop", Host("web", "production", "shop", "dev.example")},
	{"host my-web pre-prod my-shop", Host("my-web", "pre-prod", "my-shop", "dev.example")},
	{"host db a-b my-shop", Host("db", "a-b", "my-shop", "dev.example")},
	{"host web feature/x shop", Host("web", StageForRef("feature", "refs/heads/feature/x"), "shop", "dev.example")},
	{"label main", LabelValue("main")},
	{"label feature/x", LabelValue("feature/x")},
	{"label empty", LabelValue("")},
	{"label emoji", LabelValue("🚀")},
}

// TestHostTellsItsProject is what keeps a project from taking the host that
// another is given.
func TestHostTellsItsProject(t *testing.T) {
	word := rapid.StringMatching(`[a-z]([-a-z0-9]{0,20}[a-z0-9])?`)
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		service, stage, project := word.Draw(t, "service"), word.Draw(t, "stage"), word.Draw(t, "project")
		label := strings.TrimSuffix(Host(service, stage, project, "dev.example"), ".dev.example")
		got, generated := HostProject(label)
		if !generated || got != "" && got != project {
			t.Fatalf("%s of %s is taken for %q, generated %v", label, project, got, generated)
		}
		if got != "" {
			found++
		}
	})
	if found < 30 {
		t.Errorf("only %d labels gave their project", found)
	}
	for _, label := range []string{"shop", "www-shop", "a--b", "a--b--c--d", "a-b-", "a--b--", ""} {
		if project, generated := HostProject(label); generated {
			t.Errorf("%q is taken for a generated label of %q", label, project)
		}
	}
}

func FuzzNames(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, hostile[(i+1)%len(hostile)], hostile[(i+7)%len(hostile)], s, s, s)
	}
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g string) {
		for kind, k := range kinds {
			x, y := [3]string{}, [3]string{}
			copy(x[:], []string{a, b, c}[:k.used])
			copy(y[:], []string{d, e, g}[:k.used])
			first, second := k.name(x[0], x[1], x[2]), k.name(y[0], y[1], y[2])
			check(t, kind, first)
			if (first == second) != (x == y) {
				t.Fatalf("%s: %q and %q give %q and %q", kind, x, y, first, second)
			}
		}
	})
}
