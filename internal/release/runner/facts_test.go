package runner_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

func TestVerdicts(t *testing.T) {
	approve := func(by string) v1alpha1.Verdict { return v1alpha1.Verdict{By: by, Verdict: v1alpha1.VerdictApprove} }
	reject := func(by string) v1alpha1.Verdict {
		return v1alpha1.Verdict{By: by, Verdict: v1alpha1.VerdictReject, Reason: "no"}
	}
	tests := map[string]struct {
		verdicts []v1alpha1.Verdict
		phase    v1alpha1.Phase
		says     string
	}{
		"none":                   {nil, v1alpha1.PhaseHeld, "olga has the role developer"},
		"maintainer approves":    {[]v1alpha1.Verdict{approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"by e-mail":              {[]v1alpha1.Verdict{approve("alice@acme.example")}, v1alpha1.PhaseSucceeded, "; approved by alice"},
		"one person, two names":  {[]v1alpha1.Verdict{approve("alice@acme.example"), approve("alice")}, v1alpha1.PhaseSucceeded, "; approved by alice"},
		"the pusher approves":    {[]v1alpha1.Verdict{approve("olga")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"a stranger approves":    {[]v1alpha1.Verdict{approve("eve")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"a group's name":         {[]v1alpha1.Verdict{approve("acme/backend")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"maintainer rejects":     {[]v1alpha1.Verdict{approve("alice"), reject("max")}, v1alpha1.PhaseFailed, "rejected by max: no"},
		"rejects with marks":     {[]v1alpha1.Verdict{{By: "max", Verdict: v1alpha1.VerdictReject, Reason: "\x1b[2Jno\u202e!"}}, v1alpha1.PhaseFailed, "rejected by max: no\ufffd!"},
		"a viewer rejects":       {[]v1alpha1.Verdict{reject("bob"), approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"rejects, then approves": {[]v1alpha1.Verdict{reject("max"), approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"approves, then rejects": {[]v1alpha1.Verdict{approve("max"), reject("max")}, v1alpha1.PhaseFailed, "rejected by max"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			inputs := f.inputs("olga")
			inputs.Release.Spec.Verdicts = tt.verdicts
			if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != tt.phase || !strings.Contains(f.status.Message, tt.says) {
				t.Errorf("%s: %s; want %s: %s", f.status.Phase, f.status.Message, tt.phase, tt.says)
			}
			if (tt.phase == v1alpha1.PhaseFailed) != (f.status.Cause == release.CauseRejected) {
				t.Errorf("cause %s", f.status.Cause)
			}
		})
	}
}

// Who may do what is decided by the members of the file in force when they were
// accepted after those that the release began with; by the release's own otherwise.
func TestMembersInForceDecide(t *testing.T) {
	without := strings.Replace(people, "  - {user: max, role: maintainer}\n", "", 1)
	gone := strings.Replace(people, "  - {name: production, branch: main, protected: true, rollback: auto}\n", "", 1)
	open := strings.Replace(people, "protected: true, ", "", 1)
	tests := map[string]struct {
		force    string // the file in force
		accepted int64  // the number of its acceptance
		actor    string
		approver string
		phase    v1alpha1.Phase
		says     string
	}{
		"the same":                       {people, 1, "olga", "max", v1alpha1.PhaseSucceeded, "approved by max"},
		"he is no member any more":       {without, 2, "olga", "max", v1alpha1.PhaseHeld, "olga has the role developer"},
		"he was no member before":        {without, 0, "olga", "max", v1alpha1.PhaseSucceeded, "approved by max"},
		"who pushed is no member":        {without, 2, "max", "", v1alpha1.PhaseHeld, "max is no member"},
		"and is approved":                {without, 2, "max", "alice", v1alpha1.PhaseSucceeded, "approved by alice"},
		"its stage is not protected now": {open, 2, "olga", "", v1alpha1.PhaseSucceeded, ""},
		"its stage is gone":              {gone, 2, "alice", "", v1alpha1.PhaseFailed, "in force has no stage production any more"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			inputs := f.inputs(tt.actor)
			inputs.Release.Spec.Head.Acceptance = 1
			force := strings.Repeat("f", 40)
			f.files = map[string]string{force: tt.force}
			inputs.Project.Status.File = &v1alpha1.FileInForce{Commit: force, Accepted: &v1alpha1.AcceptedFile{Commit: force, Number: tt.accepted}}
			if tt.approver != "" {
				inputs.Release.Spec.Verdicts = []v1alpha1.Verdict{{By: tt.approver, Verdict: v1alpha1.VerdictApprove}}
			}
			if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != tt.phase || !strings.Contains(f.status.Message, tt.says) {
				t.Errorf("%s: %s; want %s: %s", f.status.Phase, f.status.Message, tt.phase, tt.says)
			}
		})
	}
}

// What a release takes from other refs counts as well as its commit: at a protected
// stage each part is pushed by somebody who may deploy there, or was live before.
func TestContributionsToAHead(t *testing.T) {
	api := func(commit, by string) []v1alpha1.RepositoryCommit {
		return []v1alpha1.RepositoryCommit{{Repository: "api", Commit: strings.Repeat(commit, 40), Actor: by}}
	}
	commit, other := strings.Repeat("a", 40), strings.Repeat("b", 40)
	tests := map[string]struct {
		head, good v1alpha1.Head // good without a commit: there is none
		want       string        // what holds it; empty: it goes live
	}{
		"a maintainer's":                     {head: v1alpha1.Head{Commit: commit, FileCommit: commit, Actor: "max", Secondary: api("1", "max")}},
		"a developer's, beneath":             {head: v1alpha1.Head{Commit: commit, FileCommit: commit, Actor: "max", Secondary: api("1", "olga")}, want: "olga, who pushed commit 11111111 of repository api, has the role developer"},
		"a developer's alone":                {head: v1alpha1.Head{Commit: commit, FileCommit: commit, Secondary: api("2", "olga")}, good: v1alpha1.Head{Commit: commit, FileCommit: commit, Secondary: api("1", "")}, want: "olga, who pushed"},
		"a maintainer's alone":               {head: v1alpha1.Head{Commit: commit, FileCommit: commit, Secondary: api("2", "max")}, good: v1alpha1.Head{Commit: commit, FileCommit: commit, Secondary: api("1", "")}},
		"nobody's":                           {head: v1alpha1.Head{Commit: commit, FileCommit: commit, Actor: "max", Secondary: api("2", "")}, good: v1alpha1.Head{Commit: other, FileCommit: other, Secondary: api("1", "")}, want: "nobody knows who pushed commit 22222222 of repository api"},
		"a developer's that is live":         {head: v1alpha1.Head{Commit: commit, FileCommit: commit, Actor: "max", Secondary: api("1", "olga")}, good: v1alpha1.Head{Commit: other, FileCommit: other, Secondary: api("1", "olga")}},
		"a developer's file of another ref":  {head: v1alpha1.Head{Commit: commit, FileCommit: other, FileObject: "2", FileID: "2", FileActor: "olga", Actor: "max"}, good: v1alpha1.Head{Commit: other, FileCommit: other, FileObject: "1", FileID: "1"}, want: "olga, who pushed slipway.yaml of commit bbbbbbbb, has the role developer"},
		"a maintainer's file of another ref": {head: v1alpha1.Head{Commit: commit, FileCommit: other, FileObject: "2", FileID: "2", FileActor: "max"}, good: v1alpha1.Head{Commit: commit, FileCommit: other, FileObject: "1", FileID: "1"}},
		"the file is live":                   {head: v1alpha1.Head{Commit: commit, FileCommit: other, FileObject: "1", FileID: "2", FileActor: "olga", Actor: "max"}, good: v1alpha1.Head{Commit: other, FileCommit: commit, FileObject: "1", FileID: "1"}},
		"the commit's own file":              {head: v1alpha1.Head{Commit: commit, FileCommit: commit, FileObject: "2", FileID: "2", FileActor: "olga", Actor: "max"}, good: v1alpha1.Head{Commit: other, FileCommit: other, FileObject: "1", FileID: "1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			inputs := f.inputs("")
			inputs.Release.Spec.Head = tt.head
			if tt.good.Commit != "" {
				inputs.Good = &v1alpha1.Release{Spec: v1alpha1.ReleaseSpec{Head: tt.good}}
			}
			if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
				t.Fatal(err)
			}
			if held := f.status.Phase == v1alpha1.PhaseHeld; held != (tt.want != "") || !strings.Contains(f.status.Message, tt.want) {
				t.Errorf("%s: %s; want %q", f.status.Phase, f.status.Message, tt.want)
			}
		})
	}
}
