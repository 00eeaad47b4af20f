package acceptance

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/project"
)

func file(change func(*project.File)) *project.File {
	f := &project.File{
		Members: []project.Member{
			{User: "alice", Email: "alice@acme.example", Role: project.RoleOwner}, {Group: "acme/heads", Role: project.RoleOwner},
			{User: "mia", Role: project.RoleMaintainer}, {User: "dev", Role: project.RoleDeveloper},
		},
		Stages: []project.Stage{
			{Name: "production", Branch: "main", Protected: true, Requires: project.Requires{Approvals: 1}, Overlay: "deploy/production"},
			{Name: "staging", Branch: "main"},
		},
		Services: map[string]project.Service{"web": {Image: "web:1"}},
	}
	if change != nil {
		change(f)
	}
	return f
}

// Each difference is said in words, and takes the role that may make it.
func TestCompare(t *testing.T) {
	tests := map[string]struct {
		change func(*project.File)
		want   []string
		needs  project.Action
	}{
		"nothing":        {want: nil, needs: project.ActionChangeStages},
		"services":       {change: func(f *project.File) { f.Services = nil; f.Overlay = "x" }, needs: project.ActionChangeStages},
		"overlay":        {change: func(f *project.File) { f.Stages[0].Overlay = "elsewhere" }, needs: project.ActionChangeStages},
		"sealed values":  {change: func(f *project.File) { f.Stages[0].Sealed = project.Sealed{"a": {"b": "c"}} }, needs: project.ActionChangeStages},
		"order":          {change: func(f *project.File) { f.Members[0], f.Members[3] = f.Members[3], f.Members[0] }, needs: project.ActionChangeStages},
		"order of rules": {change: func(f *project.File) { f.Stages[0], f.Stages[1] = f.Stages[1], f.Stages[0] }, needs: project.ActionChangeStages},
		"new member": {change: func(f *project.File) {
			f.Members = append(f.Members, project.Member{User: "eve", Role: project.RoleOwner})
		}, want: []string{"eve becomes owner"}, needs: project.ActionChangeMembers},
		"no member any more": {change: func(f *project.File) { f.Members = f.Members[:3] }, want: []string{"dev is no longer developer"}, needs: project.ActionChangeMembers},
		"group":              {change: func(f *project.File) { f.Members[1].Role = project.RoleViewer }, want: []string{"group acme/heads goes from owner to viewer"}, needs: project.ActionChangeMembers},
		"e-mail": {change: func(f *project.File) { f.Members[0].Email = "eve@acme.example" },
			want: []string{"alice has the e-mail address eve@acme.example instead of alice@acme.example"}, needs: project.ActionChangeMembers},
		"role and e-mail": {change: func(f *project.File) { f.Members[0].Email, f.Members[0].Role = "", project.RoleViewer },
			want: []string{"alice goes from owner to viewer", "alice has the e-mail address none instead of alice@acme.example"}, needs: project.ActionChangeMembers},
		"another case":      {change: func(f *project.File) { f.Members[3].User = "Dev" }, want: []string{"Dev becomes developer", "dev is no longer developer"}, needs: project.ActionChangeMembers},
		"unprotected":       {change: func(f *project.File) { f.Stages[0].Protected = false }, want: []string{"stage production is no longer protected"}, needs: project.ActionChangeMembers},
		"protected":         {change: func(f *project.File) { f.Stages[1].Protected = true }, want: []string{"stage staging becomes protected"}, needs: project.ActionChangeMembers},
		"approvals":         {change: func(f *project.File) { f.Stages[0].Requires = project.Requires{} }, want: []string{`stage production loses requires {"approvals":1}`}, needs: project.ActionChangeMembers},
		"checks":            {change: func(f *project.File) { f.Stages[1].Requires.Checks = []string{"ci"} }, want: []string{`stage staging gets requires {"checks":["ci"]}`}, needs: project.ActionChangeMembers},
		"protected is gone": {change: func(f *project.File) { f.Stages = f.Stages[1:] }, want: []string{"stage production is removed"}, needs: project.ActionChangeMembers},
		"another is gone":   {change: func(f *project.File) { f.Stages = f.Stages[:1] }, want: []string{"stage staging is removed"}, needs: project.ActionChangeStages},
		"new stage":         {change: func(f *project.File) { f.Stages = append(f.Stages, project.Stage{Name: "dev"}) }, want: []string{"stage dev is added"}, needs: project.ActionChangeStages},
		"renamed":           {change: func(f *project.File) { f.Stages[0].Name = "live" }, want: []string{"stage live is added", "stage production is removed"}, needs: project.ActionChangeMembers},
		"branch":            {change: func(f *project.File) { f.Stages[1].Branch = "develop" }, want: []string{`stage staging has branch "develop" instead of "main"`}, needs: project.ActionChangeStages},
		"promotion":         {change: func(f *project.File) { f.Stages[0].PromoteFrom = "staging" }, want: []string{`stage production gets promoteFrom "staging"`}, needs: project.ActionChangeStages},
		"hosts":             {change: func(f *project.File) { f.Stages[1].Hosts = map[string]string{"web": "a.example"} }, want: []string{`stage staging gets hosts {"web":"a.example"}`}, needs: project.ActionChangeStages},
		"freeze":            {change: func(f *project.File) { f.Stages[1].Freeze = []project.Freeze{{From: "a", Until: "b"}} }, want: []string{`stage staging gets freeze [{"from":"a","until":"b"}]`}, needs: project.ActionChangeStages},
		"marks": {change: func(f *project.File) {
			f.Stages[1].Freeze = []project.Freeze{{From: "a", Until: "b", Reason: "\u202egnol " + strings.Repeat("é", 60)}}
		}, want: []string{`stage staging gets freeze [{"from":"a","until":"b","reason":"�gnol ééééééééééééééééé…`}, needs: project.ActionChangeStages},
		"first previews":     {change: func(f *project.File) { f.Previews = &project.Previews{From: "staging"} }, want: []string{"previews is added"}, needs: project.ActionChangeStages},
		"members and stages": {change: func(f *project.File) { f.Stages[1].Branch = "x"; f.Members = f.Members[:3] }, want: []string{"dev is no longer developer", `stage staging has branch "x" instead of "main"`}, needs: project.ActionChangeMembers},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			changes := Compare(file(nil), file(tt.change))
			if diff := cmp.Diff(tt.want, Sentences(changes, 10)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if needs := Needs(changes); needs != tt.needs {
				t.Errorf("it takes the right to %s, want %s", needs, tt.needs)
			}
		})
	}
	forks := func(policy string) *project.File {
		return file(func(f *project.File) { f.Previews = &project.Previews{From: "staging", Forks: policy} })
	}
	if got := Sentences(Compare(forks("approve"), forks("always")), 10); cmp.Diff([]string{`previews has forks "always" instead of "approve"`}, got) != "" {
		t.Errorf("got %q", got)
	}
}

// The way of a ref is what the forge reported, and a step of nobody where it did
// not.
func TestWay(t *testing.T) {
	tests := map[string]struct {
		from, to, moves string
		want            string
		whole           bool
	}{
		"no way":                 {"a", "a", "", "", true},
		"one push":               {"a", "b", "a-b:x", "a-b:x", true},
		"two pushes":             {"a", "c", "a-b:x b-c:y", "a-b:x b-c:y", true},
		"in any order":           {"a", "c", "b-c:y a-b:x", "a-b:x b-c:y", true},
		"nothing reported":       {"a", "b", "", "a-b:", false},
		"of nobody":              {"a", "b", "a-b:", "a-b:", true},
		"of two":                 {"a", "b", "a-b:x a-b:y", "a-b:x,y", true},
		"of one, twice":          {"a", "b", "a-b:x a-b:x", "a-b:x", true},
		"of one and nobody":      {"a", "b", "a-b:x a-b:", "a-b:", true},
		"the end is known":       {"a", "d", "b-c:x c-d:y", "a-b: b-c:x c-d:y", false},
		"the start is known":     {"a", "c", "a-b:x", "a-c:", false},
		"there and back":         {"a", "c", "a-b:x b-a:x a-c:y", "a-c:y", true},
		"round and round":        {"a", "b", "a-c:x c-a:x", "a-b:", false},
		"a loop at the end":      {"a", "b", "c-b:x b-c:y", "a-c: c-b:x", false},
		"came there twice":       {"a", "d", "b-d:x c-d:y", "a-d:", false},
		"made anew":              {"a", "b", "-b:x", "a-b:", false},
		"gone and made anew":     {"a", "b", "a-:x -b:y", "a-b:", false},
		"from where it never is": {"", "b", "a-b:x", "-a: a-b:x", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var moves []Move
			for _, text := range strings.Fields(tt.moves) {
				way, by, _ := strings.Cut(text, ":")
				before, after, _ := strings.Cut(way, "-")
				moves = append(moves, Move{Before: before, After: after, By: by})
			}
			steps, whole := Way(tt.from, tt.to, moves)
			var got []string
			for _, s := range steps {
				got = append(got, s.Before+"-"+s.After+":"+strings.Join(s.By, ","))
			}
			if strings.Join(got, " ") != tt.want || whole != tt.whole {
				t.Errorf("got %q, %v, want %q, %v", got, whole, tt.want, tt.whole)
			}
		})
	}
}

// A decision names who is lacking the right, and who has it.
func TestDecide(t *testing.T) {
	eve := Compare(file(nil), file(func(f *project.File) {
		f.Members = append(f.Members, project.Member{User: "eve", Role: project.RoleOwner})
	}))
	branch := Compare(file(nil), file(func(f *project.File) { f.Stages[1].Branch = "x" }))
	tests := map[string]struct {
		facts Facts
		want  Decision
	}{
		"an owner":        {Facts{Changes: eve, Proposal: Proposal{Authors: []string{"ALICE"}}}, Decision{By: "ALICE"}},
		"two":             {Facts{Changes: branch, Proposal: Proposal{Authors: []string{"alice", "mia"}}}, Decision{By: "alice, mia"}},
		"one of two":      {Facts{Changes: eve, Proposal: Proposal{Authors: []string{"alice", "mia"}}}, Decision{Hold: "that takes an owner, and it was pushed by mia (maintainer)", May: []string{"alice", "group acme/heads"}}},
		"and nobody":      {Facts{Changes: branch, Proposal: Proposal{Authors: []string{"mia"}, Unknown: true}}, Decision{Hold: "that takes a maintainer, and nobody knows who pushed all of it", May: []string{"alice", "group acme/heads", "mia"}}},
		"nobody at all":   {Facts{Changes: branch}, Decision{Hold: "that takes a maintainer, and nobody knows who pushed all of it", May: []string{"alice", "group acme/heads", "mia"}}},
		"by group":        {Facts{Changes: eve, Proposal: Proposal{Authors: []string{"hugo"}}, Groups: map[string][]string{"hugo": {"acme/heads"}}}, Decision{By: "hugo"}},
		"approved":        {Facts{Changes: eve, Proposal: Proposal{Unknown: true}, Approvers: []project.Member{{User: "mia", Role: project.RoleMaintainer}, {User: "alice", Role: project.RoleOwner}}}, Decision{By: "alice", Approved: true}},
		"by a maintainer": {Facts{Changes: eve, Proposal: Proposal{Authors: []string{"x"}}, Approvers: []project.Member{{User: "mia", Role: project.RoleMaintainer}}}, Decision{Hold: "that takes an owner, and it was pushed by x (no member)", May: []string{"alice", "group acme/heads"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.facts.Force = file(nil)
			if diff := cmp.Diff(tt.want, Decide(tt.facts)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Everything that a file says of members, stages and previews is compared, or is
// known to belong to its commit.
func TestEveryFieldIsCompared(t *testing.T) {
	content := map[string]bool{"overlay": true, "sealed": true}
	if n := reflect.TypeFor[project.Stage]().NumField(); len(decode(allSet())) != n {
		t.Fatalf("a stage has %d fields; give each a value in allSet", n)
	}
	before := file(nil)
	for field := range decode(allSet()) {
		if content[field] || field == "name" {
			continue
		}
		after := file(nil)
		after.Stages[1] = allSet()
		found := false
		for _, change := range Compare(before, after) {
			found = found || change.Subject == "staging" && change.Field == field
		}
		if !found {
			t.Errorf("stages[].%s may change and nobody notices", field)
		}
	}
}

// allSet returns a stage with every field.
func allSet() project.Stage {
	return project.Stage{
		Name: "staging", Branch: "b", Tag: "t", Overlay: "o", Protected: true, Requires: project.Requires{Approvals: 9}, PromoteFrom: "p",
		Hosts: map[string]string{"a": "b"}, Resources: project.Resources{CPU: "1"}, TTL: "1h", OnDelete: "delete", Rollback: "auto",
		Freeze: []project.Freeze{{From: "f"}}, Sleep: "20:00-07:00 UTC", Sealed: project.Sealed{"s": nil},
	}
}
