package scmtest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Reviewed is a pull request that was merged, and what was said of it.
type Reviewed struct {
	Author             scm.Approval
	Repository, Branch string // that it was merged into
	Commit             string // that the merge made
	Open               bool   // not merged at all
	Given              []Given
	NoFile             bool // its head has no File
	None               bool // there is none at all
}

// Given is a verdict on the pull request.
type Given struct {
	By    scm.Approval
	Stale bool // of a head before the one that was merged
	Not   bool // no approval: taken back, or changes are asked for
}

// What a Reviewed has in common.
const (
	File     = "slipway.yaml"
	FileText = "version: 1\n"
	FileBlob = "b82551848c644f63b8517a7bdf8be9a992e6f4da"
)

// Pushed is when the head of a Reviewed was pushed. Stale verdicts were given before, and
// the others after.
func Pushed() time.Time { return time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC) }

// MergedAt is when it was merged.
func MergedAt() time.Time { return Pushed().Add(time.Hour) }

// Moment is when a verdict was given.
func (g Given) Moment() time.Time {
	if g.Stale {
		return Pushed().Add(-time.Minute)
	}
	return Pushed().Add(time.Minute)
}

// Of is the commit that a verdict is of.
func (g Given) Of() string {
	if g.Stale {
		return Two
	}
	return One
}

// ConformReviewer checks what every Reviewer promises. Serve scripts a pull request into
// branch main of Path whose head is One, and account returns what
// the forge calls an account.
func ConformReviewer(t *testing.T, create func(*testing.T, *API) scm.Reviewer, serve func(*API, Reviewed), account func(login string, id int) scm.Approval) {
	dev, alice, bob := account("dev", 1), account("alice", 2), account("bob", 3)
	for name, tt := range map[string]struct {
		change func(*Reviewed)
		given  []Given
		want   []scm.Approval
		none   bool
	}{
		"approved":                 {given: []Given{{By: alice}}, want: []scm.Approval{alice}},
		"by several":               {given: []Given{{By: alice}, {By: bob}}, want: []scm.Approval{alice, bob}},
		"an earlier head":          {given: []Given{{By: alice, Stale: true}}},
		"no approval":              {given: []Given{{By: alice, Not: true}}},
		"by its author":            {given: []Given{{By: dev}}},
		"by nobody":                {given: []Given{{}}},
		"of an unknown author":     {given: []Given{{By: alice}}, change: func(r *Reviewed) { r.Author = scm.Approval{} }, none: true},
		"without the file":         {given: []Given{{By: alice}}, change: func(r *Reviewed) { r.NoFile = true }, want: []scm.Approval{alice}},
		"into another branch":      {given: []Given{{By: alice}}, change: func(r *Reviewed) { r.Branch = "release" }, none: true},
		"into another repository":  {given: []Given{{By: alice}}, change: func(r *Reviewed) { r.Repository = "mallory/shop" }, none: true},
		"merged as another commit": {given: []Given{{By: alice}}, change: func(r *Reviewed) { r.Commit = strings.Repeat("3", 40) }, none: true},
		"not merged":               {given: []Given{{By: alice}}, change: func(r *Reviewed) { r.Open = true }, none: true},
		"none":                     {change: func(r *Reviewed) { r.None = true }, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			reviewed := Reviewed{Author: dev, Repository: Path, Branch: "main", Commit: Two, Given: tt.given}
			if tt.change != nil {
				tt.change(&reviewed)
			}
			api := NewAPI(t)
			serve(api, reviewed)
			want := &scm.Merged{Head: One, File: FileBlob, At: MergedAt(), Approvals: tt.want}
			if reviewed.NoFile {
				want.File = ""
			}
			if tt.none {
				want = nil
			}
			got, err := create(t, api).Merged(t.Context(), Path, "main", Two, File)
			if err != nil {
				t.Fatalf("%v, after %v", err, api.Calls())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s\nafter %v", diff, api.Calls())
			}
		})
	}
	t.Run("the forge fails", func(t *testing.T) {
		api := NewAPI(t).On("*", Answer{Status: 500, Body: Object{"message": "oops"}})
		if got, err := create(t, api).Merged(t.Context(), Path, "main", Two, File); fault.CodeOf(err) != fault.Unavailable || got != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("no commit", func(t *testing.T) {
		if _, err := create(t, NewAPI(t)).Merged(t.Context(), Path, "main", "main", File); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a branch in place of a commit gave %v", err)
		}
	})
}
