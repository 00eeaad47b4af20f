package commitstatus

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// plain is a forge with commit statuses only.
type plain struct {
	scm.Reporter
	statuses []scm.Status
	err      error
}

func (p *plain) SetStatus(_ context.Context, s scm.Status) error {
	p.statuses = append(p.statuses, s)
	return p.err
}

// full is a forge that also shows findings at their lines, and can be asked.
type full struct {
	plain
	scm.Reader
	known       map[string]scm.State
	readErr     error
	findings    []scm.Findings
	annotateErr error
}

func (f *full) Checks(context.Context, string, string) (map[string]scm.State, error) {
	return f.known, f.readErr
}

func (f *full) Annotate(_ context.Context, findings scm.Findings) error {
	f.findings = append(f.findings, findings)
	return f.annotateErr
}

func TestRelease(t *testing.T) {
	states := map[report.Step]scm.State{
		report.StepQueued: scm.StatePending, report.StepBuilding: scm.StatePending, report.StepDeploying: scm.StatePending, report.StepHeld: scm.StatePending,
		report.StepLive: scm.StateSuccess, report.StepSkipped: scm.StateSuccess, report.StepFailed: scm.StateFailure, report.StepSuperseded: scm.StateError,
	}
	for step, state := range states {
		forge := &plain{}
		r := report.Release{Repository: "acme/shop", Commit: "c0ffee", Stage: "dev", Step: step, Latest: true, Sentence: "how it is", URL: "https://dev.example"}
		if err := (Sink{}).Release(t.Context(), notify.Destination{Forge: forge}, r); err != nil {
			t.Fatal(err)
		}
		want := []scm.Status{{Repository: "acme/shop", Commit: "c0ffee", Context: "slipway/dev", State: state, Description: "how it is", URL: "https://dev.example"}}
		if diff := cmp.Diff(want, forge.statuses); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
}

// Each stage has a status of its own, and all together have one.
func TestUnchanged(t *testing.T) {
	tests := map[string]struct {
		report report.Unchanged
		name   string
		state  scm.State
	}{
		"one":           {report.Unchanged{Stage: "dev", Step: report.StepUnchanged}, "slipway/dev", scm.StateSuccess},
		"one as broken": {report.Unchanged{Stage: "dev", Step: report.StepFailed}, "slipway/dev", scm.StateFailure},
		"all":           {report.Unchanged{Step: report.StepUnchanged}, "slipway", scm.StateSuccess},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			forge := &plain{}
			tt.report.Repository, tt.report.Commit, tt.report.Sentence, tt.report.URL = "acme/shop", "c0ffee", "how it is", "https://dev.example"
			if err := (Sink{}).Unchanged(t.Context(), notify.Destination{Forge: forge}, tt.report); err != nil {
				t.Fatal(err)
			}
			want := []scm.Status{{Repository: "acme/shop", Commit: "c0ffee", Context: tt.name, State: tt.state, Description: "how it is", URL: "https://dev.example"}}
			if diff := cmp.Diff(want, forge.statuses); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Under the stage's name stands the newest release of a commit.
func TestOlderReleaseSetsNoStatus(t *testing.T) {
	forge := &plain{}
	if err := (Sink{}).Release(t.Context(), notify.Destination{Forge: forge}, report.Release{Step: report.StepFailed}); err != nil || len(forge.statuses) > 0 {
		t.Errorf("%v, %+v", err, forge.statuses)
	}
}

func TestFileCheck(t *testing.T) {
	finding := scm.Finding{Path: "slipway.yaml", Line: 3, Column: 5, Message: "a: is wrong"}
	mistakes := report.FileCheck{Repository: "acme/shop", Commit: "c0ffee", Title: "slipway.yaml:3:5: a: is wrong", Found: []scm.Finding{finding, finding}}
	right := report.FileCheck{Repository: "acme/shop", Commit: "c0ffee", Title: "slipway.yaml is right"}
	const name = "slipway/slipway.yaml"
	tests := map[string]struct {
		forge  full
		check  report.FileCheck
		atLine int
		status string // its description; empty for none
		state  scm.State
		code   fault.Code
	}{
		"at its lines":            {check: mistakes, atLine: 2},
		"nothing wrong":           {check: right},
		"lets only Apps":          {forge: full{annotateErr: fault.New(fault.Denied, "only Apps")}, check: mistakes, atLine: 2, status: "slipway.yaml:3:5: a: is wrong (and 1 more)", state: scm.StateFailure},
		"right, lets only Apps":   {forge: full{annotateErr: fault.New(fault.NotFound, "what?")}, check: right, status: "slipway.yaml is right", state: scm.StateSuccess},
		"is away":                 {forge: full{annotateErr: fault.New(fault.Unavailable, "away")}, check: mistakes, atLine: 2, code: fault.Unavailable},
		"can't be asked":          {forge: full{readErr: fault.New(fault.Unavailable, "away")}, check: mistakes, code: fault.Unavailable},
		"says the same already":   {forge: full{known: map[string]scm.State{name: scm.StateFailure}}, check: mistakes},
		"said something else":     {forge: full{known: map[string]scm.State{name: scm.StateSuccess}}, check: mistakes, atLine: 2},
		"neither lines nor words": {forge: full{annotateErr: fault.New(fault.Denied, "only Apps"), plain: plain{err: fault.New(fault.Denied, "no")}}, check: right, status: "slipway.yaml is right", state: scm.StateSuccess, code: fault.Denied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := (Sink{}).FileCheck(t.Context(), notify.Destination{Forge: &tt.forge}, tt.check)
			if fault.CodeOf(err) != tt.code {
				t.Errorf("%v, want %q", err, tt.code)
			}
			found := 0
			for _, f := range tt.forge.findings {
				found += len(f.Found)
			}
			if found != tt.atLine {
				t.Errorf("%d at lines, want %d", found, tt.atLine)
			}
			var got scm.Status
			if len(tt.forge.statuses) > 0 {
				got = tt.forge.statuses[0]
			}
			if got.Description != tt.status || got.State != tt.state {
				t.Errorf("status %+v, want %s %q", got, tt.state, tt.status)
			}
		})
	}
}

// A forge that shows nothing at lines has it in a status, whose end says how
// much more there is.
func TestFileCheckInAStatus(t *testing.T) {
	forge := &plain{}
	check := report.FileCheck{Title: strings.Repeat("word ", 60), Found: make([]scm.Finding, 3)}
	if err := (Sink{}).FileCheck(t.Context(), notify.Destination{Forge: forge}, check); err != nil {
		t.Fatal(err)
	}
	got := forge.statuses[0].Description
	if !strings.HasSuffix(got, "… (and 2 more)") || len([]rune(got)) > scm.MaxDescription {
		t.Errorf("%q", got)
	}
}
