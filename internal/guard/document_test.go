package guard

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/naming"
)

// docs/guard.md lists exactly the rules and lists of the code.
func TestDocument(t *testing.T) {
	const path = "../../docs/guard.md"
	want := document()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/guard.md is not what the code says; run the tests of this package with -update (-want +got):\n%s", diff)
	}
	source, err := os.ReadFile("rule.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := strings.Count(string(source), " Rule = \"")
	if rows := len(Table()); rows != declared {
		t.Errorf("the table has %d rows, the code declares %d rules", rows, declared)
	}
}

// levelTable shows the levels of Pod Security.
func levelTable() string {
	capabilities := func(level v1alpha1.PodSecurity) string { return strings.Join(level.Capabilities(), ", ") }
	return fmt.Sprintf(`
## Levels

`+"`spec.policy.podSecurity`"+` of the Cluster, or of the Project where it differs, says how far pods are kept from their node.

| level | a pod may run as | capabilities it may add | Pod Security that its namespace enforces |
|---|---|---|---|
| `+"`contained`"+` (default) | anybody, in a user namespace: its root is nobody on the node | %s | *baseline*, and the chart's admission policies |
| `+"`restricted`"+` | anybody but root | %s | *restricted* |
| `+"`baseline`"+` | anybody; its root is the node's, behind the container's walls | %s | *baseline* |

Under `+"`contained`"+`, what a pod leaves open is set when it is rendered: see [rendering.md](rendering.md#security). A Cluster whose nodes have no user
namespaces says so in its condition `+"`UserNamespaces`"+`. Stages are refused there, or, with `+"`spec.policy.hostUsers: true`"+`, held to `+"`baseline`"+`.
`, capabilities(v1alpha1.PodSecurityContained), capabilities(v1alpha1.PodSecurityRestricted), capabilities(v1alpha1.PodSecurityBaseline))
}

// The chart's admission policies know every permission, the capabilities of the
// level contained and the labels that need no permission.
func TestChartHoldsPodsToTheSame(t *testing.T) {
	policies, err := os.ReadFile("../../charts/slipway/templates/pods.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{"['" + strings.Join(v1alpha1.PodSecurityContained.Capabilities(), "', '") + "']", "'" + naming.StageServiceAccount + "'", naming.LabelPodSecurity + ": contained", "'" + naming.AnnotationAllow + "'"}
	for _, p := range permissions() {
		wanted = append(wanted, "'"+string(p.name)+"' in variables.allow")
	}
	for _, text := range wanted {
		if !strings.Contains(string(policies), text) {
			t.Errorf("charts/slipway/templates/pods.yaml has no %s", text)
		}
	}
}

// permissionTable shows what pods have only where the platform team allows it.
func permissionTable() string {
	var b strings.Builder
	b.WriteString("\n## Permissions\n\nThe platform team grants these in `spec.policy.allow` of the Cluster or the Project. Without one, no source may ask for it: not slipway.yaml, a chart,\na Kustomize directory, a Compose file, nor an overlay. The chart's admission policies hold whoever makes a pod to the same.\n\n| permission | lets pods |\n|---|---|\n")
	for _, p := range permissions() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.name, p.lets)
	}
	return b.String()
}

func document() string {
	var b strings.Builder
	b.WriteString(`# What a stage may hold

Before Slipway applies anything, it holds the rendered manifests to the rules below, whatever source they come from. Each
finding names the object, the field, the rule and what to do; the release fails with all of them and nothing is applied.
What is not known to be harmless is refused. This page is made from the code (` + "`go test ./internal/guard -update`" + `).

## Rules

| rule | refuses | instead |
|---|---|---|
`)
	for _, row := range Table() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Rule, row.Refuses, row.Instead)
	}
	usual, further := []string{}, []string{}
	for kind, k := range knownKinds() {
		line := fmt.Sprintf("`%s` (%s)", kind, strings.Join(keys(k.shapes), ", "))
		if k.usual {
			usual = append(usual, line)
		} else {
			further = append(further, line)
		}
	}
	paragraph := func(title, words string, items []string) {
		slices.Sort(items)
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", title, words)
		for _, item := range items {
			fmt.Fprintf(&b, "- %s\n", item)
		}
	}
	quoted := func(items []string) []string {
		var out []string
		for _, item := range items {
			out = append(out, "`"+item+"`")
		}
		return out
	}
	paragraph("Kinds", "These are always allowed:", usual)
	paragraph("Kinds that a cluster may allow", "The platform team can allow these, and kinds of other API groups, in the Cluster's `spec.policy.kinds`. Pods of these are held to the same rules; into other kinds guard does not look.", further)
	paragraph("Groups and kinds that no cluster may allow", "They give rights or are the cluster's own. Of the core group nothing but the kinds above may be allowed.", quoted(append(forbiddenGroups(), forbiddenKinds()...)))
	b.WriteString(levelTable())
	b.WriteString(permissionTable())
	paragraph("Labels", "Keys without a prefix, and:", quoted(allowedLabels()))
	paragraph("Annotations", "Keys without a prefix, and:", quoted(allowedAnnotations()))
	paragraph("Annotations of an Ingress", "Also:", quoted(ingressAnnotations()))
	paragraph("Limits", "Manifests over these are not looked at:", []string{
		fmt.Sprintf("%d objects", maxObjects),
		fmt.Sprintf("%d KiB for one object; all together are bounded where they are [rendered](limits.md#manifests)", maxDocument>>10),
		fmt.Sprintf("%d levels of nesting, %d elements of one list, no YAML aliases", manifest.MaxDepth, manifest.MaxElements),
	})
	return b.String()
}
