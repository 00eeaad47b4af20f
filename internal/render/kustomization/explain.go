package kustomization

import (
	"fmt"
	"iter"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	syaml "sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/fault"
)

// explanations are sentences for what Kustomize says, the first that fits.
func explanations() []explanation {
	return []explanation{
		{regexp.MustCompile(`may not add resource with an already registered id: (\S+)`), twice},
		{regexp.MustCompile(`namespace transformation produces ID conflict: (?s:(.*))`), severalNamespaces},
		{regexp.MustCompile(`(?:no matches for|multiple matches for) (?:Id|Current) ([^\s;]+)`), unmatchedPatch},
		{regexp.MustCompile(`merging from generator (?s:.*)Kind:"(\w+)"(?s:.*)Name:"([^"]+)"(?s:.*) (does not exist|exists)`), generator},
		{regexp.MustCompile(`unable to find field "([^"]+)" in replacement target`), replacement},
		{regexp.MustCompile(`missing metadata\.name in object`), nameless},
	}
}

// explanation says what is wrong where Kustomize says it in words of its own.
type explanation struct {
	says *regexp.Regexp
	// sentence is empty when the files don't show what is wrong.
	sentence func(t broken, words []string) string
}

// broken is a tree that Kustomize refuses.
type broken struct {
	files    map[string][]byte
	declared []Declaration
}

// explain returns the error of a build in words for people, with file and line
// where the files of the tree show them.
func explain(err error, files map[string][]byte) error {
	message := err.Error()
	for _, e := range explanations() {
		words := e.says.FindStringSubmatch(message)
		if words == nil {
			continue
		}
		if sentence := e.sentence(broken{files, rooted(Declarations(files))}, words); sentence != "" {
			return fault.Wrap(fault.Invalid, err, "%s", clean(sentence))
		}
	}
	return fault.Wrap(fault.Invalid, err, "Kustomize can't render: %s; correct what it names", clean(withoutDump(message)))
}

// rooted gives declarations paths as Kustomize's messages have them, which clean
// shortens.
func rooted(declared []Declaration) []Declaration {
	for i := range declared {
		declared[i].At.File = path.Join(root, declared[i].At.File)
		declared[i].By = path.Join(root, declared[i].By)
	}
	return declared
}

// mostPlaces is how many places a sentence lists.
const mostPlaces = 3

// listed joins what a sentence lists.
func listed(all []string) string {
	if more := len(all) - mostPlaces; more > 0 {
		all = append(slices.Clone(all[:mostPlaces]), fmt.Sprintf("%d more places", more))
	}
	return strings.Join(all, " and ")
}

// identity is what Kustomize calls an object: Kind.version.group/name.namespace.
type identity struct{ kind, name string }

func parseIdentity(text string) identity {
	gvk, rest, _ := strings.Cut(text, "/")
	kind, _, _ := strings.Cut(gvk, ".")
	name := rest
	if at := strings.LastIndexByte(rest, '.'); at >= 0 {
		name = rest[:at]
	}
	return identity{kind, name}
}

func (i identity) String() string { return i.kind + " " + i.name }

// of returns the declarations of the object.
func (i identity) of(declared []Declaration, patches bool) []Declaration {
	return slices.DeleteFunc(slices.Clone(declared), func(d Declaration) bool {
		return d.Kind != i.kind || d.Name != i.name || d.IsPatch != patches
	})
}

// twice explains an object that comes twice.
func twice(t broken, words []string) string {
	object := parseIdentity(words[1])
	found := object.of(t.declared, false)
	switch at, by := places(found), listedBy(found); {
	case len(at) > 1:
		return fmt.Sprintf("%s: there is a second %s, in %s; keep one of them, or rename it", at[0], object, listed(at[1:]))
	case len(at) == 1 && len(by) > 1:
		return fmt.Sprintf("%s: %s comes twice, because %s list its file; list it once", at[0], object, listed(by))
	case len(at) == 1 && len(found) > 1:
		return fmt.Sprintf("%s: %s comes twice, because %s lists its file twice; list it once", at[0], object, by[0])
	case len(at) == 1:
		return fmt.Sprintf("%s: %s comes twice, because its directory is reached in two ways; list the directory once", at[0], object)
	}
	return ""
}

// severalNamespaces explains objects that differ by nothing but their namespaces.
func severalNamespaces(t broken, words []string) string {
	apart := map[identity]map[string]string{} // place by namespace
	for _, d := range t.declared {
		if d.IsPatch || !strings.Contains(words[1], `"name":"`+d.Name+`"`) && !strings.Contains(words[1], "name: "+d.Name+"\n") {
			continue
		}
		object := identity{d.Kind, d.Name}
		if apart[object] == nil {
			apart[object] = map[string]string{}
		}
		apart[object][d.Namespace] = d.At.String()
	}
	for _, object := range slices.SortedFunc(maps.Keys(apart), func(a, b identity) int { return strings.Compare(a.String(), b.String()) }) {
		if len(apart[object]) < 2 {
			continue
		}
		names := slices.Sorted(maps.Keys(apart[object]))
		var all []string
		for _, name := range names[1:] {
			all = append(all, fmt.Sprintf("%s (%s)", namespaceName(name), apart[object][name]))
		}
		return fmt.Sprintf("%s: %s is there for the namespace %s and for %s, and a stage is one namespace; rename one of them, or leave it out", apart[object][names[0]], object, namespaceName(names[0]), listed(all))
	}
	return ""
}

func namespaceName(name string) string {
	if name == "" {
		return "that none names"
	}
	return name
}

// unmatchedPatch explains a patch of an object that isn't there, or of several.
func unmatchedPatch(t broken, words []string) string {
	object := parseIdentity(words[1])
	patches := object.of(t.declared, true)
	if len(patches) == 0 {
		return ""
	}
	if strings.HasPrefix(words[0], "multiple") {
		return fmt.Sprintf("%s: this patches %s, of which there are several; write the namespace of the one that is meant into the patch", patches[0].At, object)
	}
	var names []string
	for _, d := range t.declared {
		if d.Kind == object.kind && !d.IsPatch && !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	there := "there is no object of this kind"
	if len(names) > 0 {
		there = "there is " + strings.Join(names[:min(len(names), 5)], ", ")
	}
	return fmt.Sprintf("%s: this patches %s, which is not among the resources: %s; correct apiVersion, kind and name as they are in the resource", patches[0].At, object, there)
}

// nameless explains an object without a name.
func nameless(t broken, _ []string) string {
	for _, d := range t.declared {
		if d.Name == "" && !d.IsPatch {
			return fmt.Sprintf("%s: this %s has no metadata.name; give it one", d.At, d.Kind)
		}
	}
	return ""
}

// generator explains a generator that merges into nothing, or into something
// without saying so.
func generator(t broken, words []string) string {
	for name, list := range t.lists() {
		for _, g := range list.ConfigMapGenerator {
			if g.Name != words[2] {
				continue
			}
			if words[3] == "exists" {
				return fmt.Sprintf("%s: configMapGenerator makes %s %s, which is there already; give it behavior: merge or replace, or another name", name, words[1], g.Name)
			}
			return fmt.Sprintf("%s: configMapGenerator merges into %s %s, which is not among the resources; leave behavior out, or correct the name", name, words[1], g.Name)
		}
	}
	return ""
}

// replacement explains a replacement of a field that the target lacks.
func replacement(t broken, words []string) string {
	for name, list := range t.lists() {
		for i, r := range list.Replacements {
			for j, target := range r.Targets {
				if slices.Contains(target.FieldPaths, words[1]) {
					return fmt.Sprintf("%s: replacements[%d].targets[%d]: what it selects has no field %s; correct the path, or give the target options: {create: true}", name, i, j, words[1])
				}
			}
		}
	}
	return ""
}

// lists are the kustomization files of the tree by their paths, sorted.
func (t broken) lists() iter.Seq2[string, types.Kustomization] {
	return func(yield func(string, types.Kustomization) bool) {
		for _, name := range slices.Sorted(maps.Keys(t.files)) {
			var list types.Kustomization
			if !slices.Contains(FileNames(), path.Base(name)) || syaml.Unmarshal(t.files[name], &list) != nil {
				continue
			}
			if !yield(path.Join(root, name), list) {
				return
			}
		}
	}
}

// address is where something is in memory, which is elsewhere each time.
var address = regexp.MustCompile(`&?\{?0x[0-9a-f]+( <nil>)?\}?`)

var dump = regexp.MustCompile(`(?s)[\[{]*\s*\{"apiVersion".*`)

// withoutDump cuts what a message shows of whole objects.
func withoutDump(message string) string {
	return address.ReplaceAllString(dump.ReplaceAllString(message, "…"), "…")
}
