package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
)

func file() *project.File {
	return &project.File{
		Project: "shop",
		Members: []project.Member{
			{User: "alice", Role: project.RoleOwner},
			{User: "max", Role: project.RoleMaintainer},
			{Group: "acme/backend", Role: project.RoleDeveloper},
			{User: "olga", Email: "olga@acme.example", Role: project.RoleDeveloper},
			{User: "vera", Role: project.RoleViewer},
		},
	}
}

func facts(change func(*plan.Facts)) plan.Facts {
	f := plan.Facts{
		File:  file(),
		Rule:  project.Stage{Name: "staging", Branch: "main"},
		Ref:   "refs/heads/main",
		Actor: project.Actor{Login: "alice"},
		Now:   time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Where: func(path string) string { return "slipway.yaml:" + path },
	}
	change(&f)
	return f
}

// part is a commit of another repository that somebody pushed.
func part(by string) plan.Contribution {
	return plan.Contribution{What: "commit 1 of repository api", Actor: project.Actor{Login: by}}
}

func TestDecideHolds(t *testing.T) {
	protect := func(f *plan.Facts) { f.Rule.Protected = true }
	tests := map[string]struct {
		change func(*plan.Facts)
		want   string // what the hold sentence contains; empty means go
	}{
		"owner, unprotected":    {func(*plan.Facts) {}, ""},
		"owner, protected":      {protect, ""},
		"maintainer, protected": {func(f *plan.Facts) { protect(f); f.Actor.Login = "MAX" }, ""},
		"group, unprotected":    {func(f *plan.Facts) { f.Actor = project.Actor{Login: "dev", Groups: []string{"Acme/Backend"}} }, ""},
		"group, protected": {func(f *plan.Facts) {
			protect(f)
			f.Actor = project.Actor{Login: "dev", Groups: []string{"acme/backend"}}
		}, "dev has the role developer"},
		"viewer":            {func(f *plan.Facts) { f.Actor.Login = "vera" }, "vera has the role viewer"},
		"stranger":          {func(f *plan.Facts) { f.Actor.Login = "eve" }, "eve is no member of project shop (members in slipway.yaml:members)"},
		"stranger, preview": {func(f *plan.Facts) { f.Actor.Login, f.Preview = "eve", true }, ""},
		"stranger asks, preview": {func(f *plan.Facts) {
			f.Actor.Login, f.Preview, f.Action = "eve", true, project.ActionRestart
		}, "eve is no member"},
		"unknown, unprotected":  {func(f *plan.Facts) { f.Actor = project.Actor{} }, ""},
		"unknown, protected":    {func(f *plan.Facts) { protect(f); f.Actor = project.Actor{} }, "nobody knows who pushed"},
		"email is no identity":  {func(f *plan.Facts) { protect(f); f.Actor = project.Actor{Email: "alice@acme.example"} }, "is no member"},
		"stranger, approved":    {func(f *plan.Facts) { f.Actor.Login = "eve"; f.Approvers = []string{"max"} }, ""},
		"approved by developer": {func(f *plan.Facts) { f.Actor.Login = "eve"; f.Approvers = []string{"vera", "eve"} }, "eve is no member"},
		"says who approves":     {func(f *plan.Facts) { f.Actor.Login = "eve" }, "alice, max can approve it"},
		"check missing":         {func(f *plan.Facts) { f.Rule.Requires.Checks = []string{"ci/test"} }, "waits for ci/test to pass"},
		"check failed": {func(f *plan.Facts) {
			f.Rule.Requires.Checks = []string{"ci/test"}
			f.Checks = map[string]plan.CheckState{"ci/test": plan.CheckFailed}
		}, "check ci/test failed"},
		"check passed": {func(f *plan.Facts) {
			f.Rule.Requires.Checks = []string{"ci/test"}
			f.Checks = map[string]plan.CheckState{"ci/test": plan.CheckPassed}
		}, ""},
		"approvals missing": {func(f *plan.Facts) { f.Rule.Requires.Approvals = 2; f.Approvers = []string{"max", "max"} }, "has 1 of 2 approvals"},
		"approvals complete": {func(f *plan.Facts) {
			f.Actor.Login = "olga"
			f.Rule.Requires.Approvals = 2
			f.Approvers = []string{"max", "alice"}
		}, ""},
		"the own approval": {func(f *plan.Facts) {
			f.Rule.Requires.Approvals = 2
			f.Approvers = []string{"max", "ALICE"}
		}, "has 1 of 2 approvals by others than alice"},
		"one approval in two places": {func(f *plan.Facts) {
			f.Actor.Login = "olga"
			f.Rule.Requires.Approvals = 2
			f.Approvers = []string{"max", "MAX"}
		}, "has 1 of 2 approvals"},
		"a part by a maintainer": {func(f *plan.Facts) { protect(f); f.Contributions = []plan.Contribution{part("max")} }, ""},
		"a part by a developer":  {func(f *plan.Facts) { protect(f); f.Contributions = []plan.Contribution{part("max"), part("olga")} }, "olga, who pushed commit 1 of repository api, has the role developer, which may not deploy to stage staging"},
		"a part by a stranger":   {func(f *plan.Facts) { protect(f); f.Contributions = []plan.Contribution{part("eve")} }, "eve, who pushed commit 1 of repository api, is no member"},
		"a part by nobody":       {func(f *plan.Facts) { protect(f); f.Contributions = []plan.Contribution{part("")} }, "nobody knows who pushed commit 1 of repository api"},
		"a part, unprotected":    {func(f *plan.Facts) { f.Contributions = []plan.Contribution{part("eve"), part("")} }, ""},
		"a part, approved": {func(f *plan.Facts) {
			protect(f)
			f.Contributions = []plan.Contribution{part("eve")}
			f.Approvers = []string{"max"}
		}, ""},
		"a part, requested": {func(f *plan.Facts) {
			protect(f)
			f.Actor.Login, f.Action, f.Contributions = "max", project.ActionDeploy, []plan.Contribution{part("eve")}
		}, ""},
		"only a part": {func(f *plan.Facts) {
			protect(f)
			f.Actor, f.SameCommit, f.Contributions = project.Actor{}, true, []plan.Contribution{part("max")}
		}, ""},
		"only a part, by a developer": {func(f *plan.Facts) {
			protect(f)
			f.Actor, f.SameCommit, f.Contributions = project.Actor{}, true, []plan.Contribution{part("olga")}
		}, "olga, who pushed"},
		"the commit is live": {func(f *plan.Facts) { protect(f); f.Actor, f.SameCommit = project.Actor{}, true }, ""},
		"the commit is live, requested": {func(f *plan.Facts) {
			protect(f)
			f.Actor, f.Action, f.SameCommit = project.Actor{Login: "olga"}, project.ActionDeploy, true
		}, "olga has the role developer"},
		"approved by who pushed a part": {func(f *plan.Facts) {
			protect(f)
			f.Rule.Requires.Approvals, f.Contributions, f.Approvers = 1, []plan.Contribution{part("max")}, []string{"Max"}
		}, "has 0 of 1 approvals"},
		"frozen": {func(f *plan.Facts) {
			f.Rule.Freeze = []project.Freeze{{From: "2026-01-01T00:00:00Z", Until: "2026-01-03T00:00:00Z", Reason: "holidays"}}
		}, "frozen until 2026-01-03T00:00:00Z: holidays (slipway.yaml:stages.staging.freeze[0])"},
		"frozen, asked by a maintainer": {func(f *plan.Facts) {
			f.Actor.Login, f.Action = "max", project.ActionDeploy
			f.Rule.Freeze = []project.Freeze{{From: "2026-01-01T00:00:00Z", Until: "2026-01-03T00:00:00Z"}}
		}, ""},
		"frozen, asked by a developer": {func(f *plan.Facts) {
			f.Actor.Login, f.Action = "olga", project.ActionDeploy
			f.Rule.Freeze = []project.Freeze{{From: "2026-01-01T00:00:00Z", Until: "2026-01-03T00:00:00Z"}}
		}, "frozen until 2026-01-03T00:00:00Z"},
		"frozen until this very moment": {func(f *plan.Facts) {
			f.Rule.Freeze = []project.Freeze{{From: "2026-01-01T00:00:00Z", Until: "2026-01-02T03:04:05Z"}}
		}, ""},
		"frozen before its time": {func(f *plan.Facts) {
			f.Rule.Freeze = []project.Freeze{{From: "2026-02-01T00:00:00Z", Until: "2026-03-01T00:00:00Z"}}
		}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := plan.Decide(facts(tt.change)).Hold
			if tt.want == "" && got != "" {
				t.Errorf("held: %s", got)
			}
			if !strings.Contains(got, tt.want) {
				t.Errorf("hold = %q, want it to contain %q", got, tt.want)
			}
		})
	}
}

func TestDecideRejects(t *testing.T) {
	tests := map[string]struct {
		by   string
		want string
	}{
		"maintainer": {"max", "rejected by max: too late; push a commit"},
		"developer":  {"olga", ""},
		"stranger":   {"eve", ""},
		"nobody":     {"", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := plan.Decide(facts(func(f *plan.Facts) {
				f.Approvers = []string{"alice"}
				f.Rejections = []plan.Rejection{{Login: tt.by, Reason: "too late"}}
			}))
			if tt.want == "" && got.Rejected != "" || !strings.Contains(got.Rejected, tt.want) {
				t.Errorf("rejected = %q, want it to contain %q", got.Rejected, tt.want)
			}
			if diff := cmp.Diff([]string{"alice"}, got.ApprovedBy); diff != "" {
				t.Errorf("approved by (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecideServices(t *testing.T) {
	inputs := map[string]string{"context web": "1", "Dockerfile": "2"}
	got := plan.Decide(facts(func(f *plan.Facts) {
		f.Images = map[string]plan.Image{
			"new":     {Hash: "a", Inputs: inputs},
			"changed": {Hash: "b", Inputs: inputs},
			"same":    {Hash: "c", Ref: "r@c"},
			"shared":  {Hash: "d", Ref: "r@d"},
			"lost":    {Hash: "e"},
			"page":    {Hash: "f", Assembled: true, Inputs: map[string]string{"site": "1"}},
		}
		f.Last = map[string]plan.LastImage{
			"changed": {Hash: "x", Release: "7", Inputs: map[string]string{"context web": "0", "Dockerfile": "2"}},
			"same":    {Hash: "c", Release: "7"},
			"shared":  {Hash: "y", Release: "7"},
			"lost":    {Hash: "e", Release: "7"},
			"page":    {Hash: "z", Release: "7", Inputs: map[string]string{"site": "0"}},
		}
	})).Services
	want := []plan.ServiceDecision{
		{Name: "changed", Build: true, Hash: "b", Inputs: inputs, Why: "built: context web changed since release 7"},
		{Name: "lost", Build: true, Hash: "e", Why: "built: the registry no longer has the image of release 7"},
		{Name: "new", Build: true, Hash: "a", Inputs: inputs, Why: "built: first build of this service here"},
		{Name: "page", Build: true, Hash: "f", Inputs: map[string]string{"site": "1"}, Why: "assembled: site changed since release 7"},
		{Name: "same", Hash: "c", Ref: "r@c", Why: "reused: nothing it is built from changed since release 7"},
		{Name: "shared", Hash: "d", Ref: "r@d", Why: "reused: an image of the very same inputs exists"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

// Whoever is not a member with the right to deploy never gets a protected
// stage to go, whatever else the facts say, unless a maintainer approved.
func TestProtectedStageNeedsAMaintainer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		login := rapid.SampledFrom([]string{"", "eve", "vera", "dev", "аlice", "alice ", "ALICE", "max"}).Draw(t, "login")
		approver := rapid.SampledFrom([]string{"", "eve", "vera", "max"}).Draw(t, "approver")
		d := plan.Decide(facts(func(f *plan.Facts) {
			f.Rule.Protected = true
			f.Actor = project.Actor{Login: login, Email: "alice@acme.example"}
			f.Approvers = []string{approver}
		}))
		may := strings.EqualFold(login, "alice") && len(login) == 5 || login == "max" || approver == "max"
		if (d.Hold == "") != may {
			t.Fatalf("login %q approver %q: hold %q, may %v", login, approver, d.Hold, may)
		}
	})
}
