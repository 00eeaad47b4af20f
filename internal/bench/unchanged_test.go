//go:build integration

package bench

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
)

// oneBranch are n stages of one branch, each with an overlay of its own.
func oneBranch(n int) scenario {
	s := scenario{all: n, shown: true}
	var rules string
	overlays := map[string]string{}
	for i := range n {
		stage := fmt.Sprintf("s%03d", i)
		rules += "  - {name: " + stage + ", branch: main, overlay: overlays/" + stage + "}\n"
		maps.Copy(overlays, overlay(stage, "first"))
	}
	s.files = repository(rules, 5, 30)
	maps.Copy(s.files, overlays)
	return s
}

// overlay returns the overlay of a stage, which changes the greeting of the
// settings.
func overlay(stage, greeting string) map[string]string {
	return map[string]string{"overlays/" + stage + "/kustomization.yaml": "patches:\n  - patch: |\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: {name: settings}\n      data: {greeting: " + greeting + "}\n"}
}

// oneOfBranch is a push that changes one of n stages of one branch.
func oneOfBranch(n int) scenario {
	s := oneBranch(n)
	s.name, s.what = fmt.Sprintf("1-of-%d-stages-of-one-branch", n), fmt.Sprintf("%d stages follow one branch, and one changes", n)
	stage := fmt.Sprintf("s%03d", n/2)
	s.push = func(i int) push {
		greeting := fmt.Sprintf("v%d", i)
		made := greet("main", []target{{stage, stage}})(i)
		made.files = overlay(stage, greeting)
		made.changes = func(m *corev1.ConfigMap) bool { return m.Data["greeting"] == greeting }
		return made
	}
	return s
}

// noneOfBranch is a push that changes none of n stages of one branch.
func noneOfBranch(n int) scenario {
	s := oneBranch(n)
	s.name, s.what = fmt.Sprintf("0-of-%d-stages-of-one-branch", n), fmt.Sprintf("%d stages follow one branch, and none changes; until the project shows the commit", n)
	s.push = func(i int) push {
		return push{
			branch: "main", files: map[string]string{"README.md": fmt.Sprintf("edition %d\n", i)}, served: true,
			patches: func(string) bool { return false },
		}
	}
	return s
}
