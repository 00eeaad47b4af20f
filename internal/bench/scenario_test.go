//go:build integration

package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/internal/naming"
)

// scenario is one kind of push.
type scenario struct {
	name     string
	what     string            // for people
	files    map[string]string // that the repository begins with
	branches []string          // besides main
	all      int               // stages of the project once it is set up
	slow     int               // how often it is pushed at most, 0 for no bound
	rests    bool              // ends with what the project costs at rest
	shown    bool              // ends with what it costs to show the last commit at stages that it leaves as they are
	push     func(i int) push
}

func (s scenario) times(n int) int {
	if s.slow > 0 {
		return min(n, s.slow)
	}
	return n
}

// push is one push and what has to come of it.
type push struct {
	branch  string
	files   map[string]string // none: the branch is made where main is
	touched []target
	fresh   int // stages that the push makes
	objects int // that change, 0 when the end of the release is awaited
	// served awaits that the project shows the commit: no release is made.
	served bool
	// changes reports whether an object is as the push makes it.
	changes func(*corev1.ConfigMap) bool
	// patches reports whether the floor writes a rendered document.
	patches func(document string) bool
}

// target is a stage and the rule that it comes from.
type target struct{ stage, rule string }

const manyObjects = 1000

func scenarios() []scenario {
	main := []target{{"dev", "dev"}}
	const rule = "  - {name: dev, branch: main}\n"
	return []scenario{
		{name: "5-objects-30-files", what: "5 objects, 30 files; one object changes", files: repository(rule, 5, 30), all: 1, push: greet("main", main)},
		{name: "5-objects-10000-files", what: "the same among 10,000 files", files: repository(rule, 5, 10_000), all: 1, push: greet("main", main)},
		together(20),
		{name: "1000-objects-first", what: "1,000 objects, applied for the first time", files: repository(rule+featureRule, manyObjects, 60), all: 1, slow: 4, push: first},
		{name: "1000-objects-one", what: "1,000 objects, one changes", files: repository(rule, manyObjects, 60), all: 1, slow: 10, push: greet("main", main)},
		{name: "1000-objects-none", what: "1,000 objects, none changes; until the release has succeeded", files: repository(rule, manyObjects, 60), all: 1, slow: 10, push: nothing(main)},
		oneOfBranch(100),
		noneOfBranch(100),
		among(100),
		among(1000),
	}
}

// together is a push that touches n stages at once.
func together(n int) scenario {
	s := scenario{name: fmt.Sprintf("%d-stages-at-once", n), what: fmt.Sprintf("one push that touches %d stages", n), all: n}
	var rules string
	var touched []target
	for i := range n {
		stage := fmt.Sprintf("s%02d", i)
		rules += "  - {name: " + stage + ", branch: main}\n"
		touched = append(touched, target{stage, stage})
	}
	s.files, s.push = repository(rules, 5, 30), greet("main", touched)
	return s
}

const featureRule = "  - {name: feature, branch: \"feature/*\"}\n"

// among is a push that touches one of n stages, each with its own branch.
func among(n int) scenario {
	s := scenario{name: fmt.Sprintf("1-of-%d-stages", n), what: fmt.Sprintf("one of %d stages is touched", n), all: n, rests: true}
	for i := range n {
		s.branches = append(s.branches, feature(i))
	}
	branch := s.branches[n/2]
	s.files, s.push = repository(featureRule, 5, 30), greet(branch, []target{featureTarget(branch)})
	return s
}

func feature(i int) string { return fmt.Sprintf("feature/f%04d", i) }

func featureTarget(branch string) target {
	return target{naming.StageForRef("feature", "refs/heads/"+branch), "feature"}
}

// greet changes the greeting of the settings.
func greet(branch string, touched []target) func(int) push {
	return func(i int) push {
		greeting := fmt.Sprintf("v%d", i)
		return push{
			branch: branch, files: settings(greeting), touched: touched, objects: len(touched),
			changes: func(m *corev1.ConfigMap) bool { return m.Data["greeting"] == greeting },
			patches: func(document string) bool { return strings.Contains(document, "greeting:") },
		}
	}
}

// first makes a branch, and with it a stage.
func first(i int) push {
	to := featureTarget(feature(i))
	return push{
		branch: feature(i), touched: []target{to}, fresh: 1, objects: manyObjects,
		changes: func(m *corev1.ConfigMap) bool { return m.Labels[naming.LabelStage] == naming.LabelValue(to.stage) },
		patches: func(string) bool { return true },
	}
}

// nothing changes the file of an object, but not the object.
func nothing(touched []target) func(int) push {
	const name = "deploy/settings.yaml"
	text := settings("first")[name]
	return func(i int) push {
		return push{
			branch: "main", files: map[string]string{name: text + fmt.Sprintf("# edition %d\n", i)}, touched: touched,
			patches: func(string) bool { return false },
		}
	}
}

// repository returns the files of a project whose stages have so many objects
// each.
func repository(rules string, objects, files int) map[string]string {
	all := map[string]string{
		"slipway.yaml": "version: 1\nproject: shop\nmembers: [{user: boss, role: owner}, {user: dev, role: developer}]\nstages:\n" + rules +
			"services:\n  site: {kustomize: deploy}\n",
	}
	maps.Copy(all, settings("first"))
	for _, name := range []string{"service", "metrics"} {
		if objects == manyObjects {
			break
		}
		all["deploy/"+name+".yaml"] = "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec:\n  clusterIP: None\n  ports: [{port: 80}]\n  selector: {app: site}\n"
	}
	for i := len(all) - 1; i < objects; i++ {
		all[fmt.Sprintf("deploy/words%02d.yaml", i/50)] += fmt.Sprintf("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: words%04d}\ndata: {yes: ja, no: nein}\n", i)
	}
	var resources []string
	for name := range all {
		if resource, found := strings.CutPrefix(name, "deploy/"); found {
			resources = append(resources, resource)
		}
	}
	slices.Sort(resources)
	all["deploy/kustomization.yaml"] = "resources: [" + strings.Join(resources, ", ") + "]\n"
	for i := len(all); i < files; i++ {
		all[fmt.Sprintf("src/d%02d/f%04d.txt", i%97, i)] = fmt.Sprintf("file %d of a larger repository\n", i)
	}
	return all
}

// settings is the object that pushes change.
func settings(greeting string) map[string]string {
	return map[string]string{"deploy/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {greeting: " + greeting + "}\n"}
}
