package projectfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

const acceptedFile = `version: 1
project: shop
members:
  - {user: alice, role: owner}
stages:
  - {name: production, branch: main, protected: true, overlay: deploy/old}
  - {name: removed, branch: main, overlay: deploy/removed}
previews: {from: production}
services:
  web: {image: "web:1"}
`

const proposedFile = `version: 1
project: shop
overlay: deploy/all
members:
  - {user: alice, role: viewer}
  - {user: eve, role: owner}
stages:
  - {name: new, branch: main}
  - name: production
    branch: other
    overlay: deploy/new
services:
  web: {image: "web:2", stages: {new: {port: 80}}}
  api: {image: "api:1"}
`

func parse(t *testing.T, text string) *projectfile.Document {
	t.Helper()
	document, err := projectfile.Parse(project.FileName, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// A document under an accepted one has its members, stages and previews, and its
// own services and overlays; each value is found where it is written.
func TestUnder(t *testing.T) {
	accepted, proposed := parse(t, acceptedFile), parse(t, proposedFile)
	under := proposed.Under(accepted)
	want := &project.File{
		Version: 1, Project: "shop", Overlay: "deploy/all", Members: accepted.File.Members, Previews: accepted.File.Previews,
		Stages: []project.Stage{
			{Name: "production", Branch: "main", Protected: true, Overlay: "deploy/new", Rollback: "never", OnDelete: "keep"},
			{Name: "removed", Branch: "main", Overlay: "deploy/removed", Rollback: "never", OnDelete: "keep"},
		},
		Services: proposed.File.Services,
	}
	if diff := cmp.Diff(want, under.File); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if effective := under.Effective("production"); len(effective) != 2 || effective["web"].Image != "web:2" {
		t.Errorf("the services are %+v", effective)
	}
	for path, line := range map[string]int{
		"members": 3, "members[0].role": 4, "members[1]": 0, "stages[0].protected": 6, "stages[0].overlay": 11, "stages[1].overlay": 7,
		"stages[2]": 0, "previews.from": 8, "services.api": 14, "overlay": 3,
	} {
		if _, got, _ := under.Where(path); got != line {
			t.Errorf("%s is in line %d, want %d", path, got, line)
		}
	}
	if accepted.File.Stages[0].Overlay != "deploy/old" || len(proposed.File.Members) != 2 {
		t.Error("a document was changed")
	}
}

// A policy that was kept says the same, without places.
func TestKeptPolicy(t *testing.T) {
	accepted, proposed := parse(t, acceptedFile), parse(t, proposedFile)
	text, err := projectfile.Policy(accepted.File)
	if err != nil || strings.Contains(text, "web") || strings.Contains(text, "deploy/old") {
		t.Fatalf("the policy is %s: %v", text, err)
	}
	kept, err := projectfile.ReadPolicy(project.FileName, text)
	if err != nil {
		t.Fatal(err)
	}
	got, want := proposed.Under(kept), proposed.Under(accepted)
	want.File.Stages[1].Overlay = "" // of a stage that the proposed file doesn't have
	if diff := cmp.Diff(want.File, got.File); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if name, line, _ := got.Where("stages[0].protected"); name != project.FileName || line != 0 {
		t.Errorf("it is found in %s:%d", name, line)
	}
	if _, line, _ := got.Where("services.web"); line != 13 {
		t.Errorf("services.web is found in line %d", line)
	}
	if _, err := projectfile.ReadPolicy(project.FileName, "{"); err == nil {
		t.Error("half a policy is read")
	}
}
