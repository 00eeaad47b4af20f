package schema

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

const referencePage = "../../../docs/project-file.md"

// TestReference holds the page that people read to the table of rules.
func TestReference(t *testing.T) {
	got := []byte(page())
	if *update {
		if err := os.WriteFile(referencePage, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not made from these rules; run go test ./internal/projectfile/schema -run TestReference -update", referencePage)
	}
}

func page() string {
	var b strings.Builder
	b.WriteString(pageTop)
	for _, row := range [][2]any{
		{"size of the file", fmt.Sprintf("%d KiB", syntax.MaxBytes>>10)}, {"length of a line", fmt.Sprintf("%d KiB", syntax.MaxLine>>10)},
		{"YAML tokens", syntax.MaxTokens}, {"values, aliases expanded", syntax.MaxNodes}, {"maps and lists inside each other", syntax.MaxDepth},
		{"length of a key", fmt.Sprintf("%d bytes", syntax.MaxKey)}, {"uses of aliases", syntax.MaxAliases}, {"problems reported at once", syntax.MaxProblems},
		{"services, of all files together", grammar.MaxServices}, {"stages", grammar.MaxStages}, {"members", grammar.MaxMembers},
		{"sealed Secrets, and keys of one", grammar.MaxSealed},
	} {
		fmt.Fprintf(&b, "| %v | %v |\n", row[0], row[1])
	}
	b.WriteString("\nTags (`!x`), merge keys (`<<`), complex keys (`?`), directives (`%`), keys that are not strings, duplicate keys and more than one document are refused.\n\n## Every key\n")
	g := grammar.New()
	types := append([]reflect.Type{reflect.TypeFor[project.File]()}, structs(reflect.TypeFor[project.File]())...)
	for _, typ := range types {
		fmt.Fprintf(&b, "\n### %s\n\n| key | what | bounds |\n|---|---|---|\n", typ.Name())
		for _, f := range g.Fields(typ) {
			key := "`" + f.Key + "`"
			if f.Rule.Required {
				key += " (required)"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", key, f.Rule.Help, bounds(f.Rule))
		}
	}
	return b.String()
}

// bounds puts a rule into words.
func bounds(r grammar.Rule) string {
	var words []string
	if r.Keys != nil {
		words = append(words, fmt.Sprintf("keys: %s, at most %d characters", r.Keys.Noun, r.Keys.Max))
	}
	if r.Text != nil {
		words = append(words, fmt.Sprintf("%s, at most %d characters", r.Text.Noun, r.Text.Max))
	}
	if len(r.Enum) > 0 {
		words = append(words, "one of "+strings.Join(slices.Sorted(slices.Values(r.Enum)), ", "))
	}
	if r.Least != 0 || r.Most != 0 {
		words = append(words, fmt.Sprintf("%d to %d", r.Least, r.Most))
	}
	if r.Max > 0 {
		words = append(words, fmt.Sprintf("%d to %d of them", r.Min, r.Max))
	}
	if r.Unique {
		words = append(words, "each once")
	}
	if r.Inner != nil {
		words = append(words, "in each: "+bounds(*r.Inner))
	}
	return strings.Join(words, "; ")
}

const pageTop = `# slipway.yaml

What a team says about its project, at the root of the project's primary repository. It is read from the trusted ref only
(the default branch unless the Project says otherwise), strictly: unknown keys are refused, and every mistake is reported as
` + "`slipway.yaml:LINE:COLUMN: PATH: what is wrong; what to do`" + `. ` + "`slipway validate`" + ` reports all of them at once; without any
it renders every stage and shows what the server would refuse or warn about. Editors use the
[schema](slipway.schema.json). The keys and limits on this page are made from the code (` + "`go test ./internal/projectfile/schema -update`" + `).

` + "```yaml" + `
version: 1
project: shop
members: [{user: alice, role: owner}]
stages: [{name: production, branch: main}]
services:
  web: {build: {}, port: 8080, routes: [{path: /}]}
` + "```" + `

## How values come together

A service's value for a stage is its default, overlaid by the service, overlaid by the service's ` + "`stages.<stage>`" + `. Maps merge by key; lists and
single values replace; null in an override removes what the service says. An override can't change the kind of the source.
` + "`slipway explain stage S`" + ` shows every value with the place it comes from.

## Stages that end

` + "`ttl`" + ` of a stage with a branch pattern is how long each of its stages lives after the last push to its branch. Then the stage is taken
down with all it owns, while the branch stays; the next sync sees to it, so it may take a sync interval longer. What people do to the
stage (restart, scale, roll back) and changes of this file don't prolong it. Only another commit on the branch brings it back; the Project's
` + "`status.expired`" + ` lists the refs. Without ` + "`ttl`" + ` a stage lives as long as its branch, or for ever with ` + "`onDelete: keep`" + `.

## Hosts

A service with routes is given ` + "`<service>-<stage>-<project>.<domain>`" + ` below the cluster's domain, or has what ` + "`stages[].hosts`" + ` and
` + "`routes[].host`" + ` name. A host belongs to the first project of the cluster, over all organizations, whose stage was released with it, and is free
again when that stage has been released without it or is gone; a second project's release fails with the rule ` + "`host-owner`" + `. Right below the
domain, names of three or more words joined by dashes belong to the project that they are made for, taken or not. The same holds for Ingresses and
HTTPRoutes in charts and Kustomize directories.

## Secondary repositories

A Project may list more repositories. The first is the primary one. The file of another, on its default branch, says ` + "`version`, `project` and `services`" + `
and nothing else: its services are added to those of the primary file, and a push there is released as a change of the project file is. They may come
from ` + "`build`" + ` (of that repository), ` + "`image` or `template`" + `; what needs files at rendering (Compose, charts, Kustomize) belongs into the primary
repository. A name that is taken, a stage that the primary file does not have, and another project's name are refused, with the place in the secondary file,
and nothing of the project is synced until that is corrected. ` + "`slipway validate --secondary`" + ` checks such a file, and
` + "`--secondary NAME=DIR`" + ` of the offline commands takes one from a checkout.

A service of any file may be built from another repository of the project (` + "`build.repository`, `build.ref`" + `). A push to that ref is released as well: the
primary repository's commit stays, and only what is built from the other is built anew. The forge must send that repository's pushes to the
same hook, to which ` + "`slipway hooks sync`" + ` sees; otherwise the timer finds them.

## Secrets

See [secrets.md](secrets.md).

## Limits

| limit | value |
|---|---|
`
