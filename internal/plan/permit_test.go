package plan_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
)

func request(by string, action project.Action, protected bool) plan.Request {
	return plan.Request{
		File: file(), Rule: project.Stage{Name: "staging", Protected: protected}, Stage: "staging", By: by, Action: action,
		Where: func(path string) string { return "slipway.yaml:" + path },
	}
}

func TestPermit(t *testing.T) {
	tests := map[string]struct {
		by        string
		action    project.Action
		protected bool
		want      string // what the refusal contains; empty means permitted
	}{
		"owner":                    {"alice", project.ActionRollback, true, ""},
		"by e-mail":                {"olga@acme.example", project.ActionDeploy, false, ""},
		"developer":                {"olga", project.ActionRestart, true, ""},
		"developer, protected":     {"olga", project.ActionRollback, true, "olga may not roll back stage staging, which is protected (slipway.yaml:stages.staging.protected): the role developer does not allow it (members in slipway.yaml:members); alice, max may"},
		"developer scales":         {"olga", project.ActionScale, false, "olga may not scale stage staging: the role developer"},
		"maintainer, quarantine":   {"max", project.ActionQuarantine, false, "max may not deploy a quarantined commit to stage staging: the role maintainer does not allow it (members in slipway.yaml:members); alice may"},
		"stranger":                 {"eve", project.ActionPromote, false, "eve may not promote to stage staging: no member of project shop has that user or e-mail (members in slipway.yaml:members); acme/backend, alice, max, olga may"},
		"another case":             {"ALICE", project.ActionDeploy, false, "no member"},
		"a group's name":           {"acme/backend", project.ActionDeploy, false, "no member"},
		"nobody":                   {"", project.ActionDeploy, false, "spec.by is empty, so it is unknown who wants to deploy to stage staging"},
		"an action nobody defined": {"alice", "explode", false, "no member may: add one to slipway.yaml:members"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			who, refusal := plan.Permit(request(tt.by, tt.action, tt.protected))
			if tt.want == "" && (refusal != "" || who.User == "") || !strings.Contains(refusal, tt.want) {
				t.Errorf("Permit: %+v, %q, want %q", who, refusal, tt.want)
			}
		})
	}
}

// Whoever is permitted has a role that the table gives the action to.
func TestPermitObeysTheRoleTable(t *testing.T) {
	actions := []project.Action{project.ActionDeploy, project.ActionRollback, project.ActionPromote, project.ActionRestart, project.ActionScale, project.ActionSleep, project.ActionApprove, project.ActionQuarantine}
	roles := map[string]project.Role{"alice": project.RoleOwner, "max": project.RoleMaintainer, "olga": project.RoleDeveloper, "olga@acme.example": project.RoleDeveloper, "vera": project.RoleViewer}
	rapid.Check(t, func(t *rapid.T) {
		by := rapid.SampledFrom([]string{"alice", "max", "olga", "olga@acme.example", "vera", "eve", "", "аlice", "alice ", "acme/backend"}).Draw(t, "by")
		action := rapid.SampledFrom(actions).Draw(t, "action")
		protected := rapid.Bool().Draw(t, "protected")
		_, refusal := plan.Permit(request(by, action, protected))
		if want := roles[by].May(action, protected); (refusal == "") != want {
			t.Fatalf("%q %s protected=%v: refusal %q, the table says %v", by, action, protected, refusal, want)
		}
	})
}
