package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release"
)

func TestReleaseGoesLive(t *testing.T) {
	f := newFixture(t)
	if err := f.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	s := f.status
	if s.Phase != v1alpha1.PhaseSucceeded || s.Built != 1 || s.Changes.Created != 4 || s.Changes.Pruned != 1 {
		t.Fatalf("status: %+v", s)
	}
	if len(s.Services) != 2 || s.Services[0].Name != "cache" || !strings.Contains(s.Services[0].Image, "@sha256:") || !strings.Contains(s.Services[1].Image, "/acme/shop@sha256:") {
		t.Errorf("services: %+v", s.Services)
	}
	if !strings.Contains(string(f.applied), s.Services[1].Image) {
		t.Errorf("the built image %s is not in the manifests", s.Services[1].Image)
	}
}

// A server that stops after any write goes on where it was: one build, the
// same manifests, one release.
func TestRunGoesOnAfterEveryWrite(t *testing.T) {
	whole := newFixture(t)
	if err := whole.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < whole.writes; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			f.stop, f.stopAt = cancel, n
			if err := f.run(ctx, "alice"); !errors.Is(err, context.Canceled) {
				t.Fatalf("stopped run: err = %v", err)
			}
			if f.status.Phase.Done() {
				t.Fatalf("a stopped server ended the release: %s", f.status.Phase)
			}
			if err := f.run(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != v1alpha1.PhaseSucceeded || f.status.Built != 1 {
				t.Errorf("phase %s, built %d: %s", f.status.Phase, f.status.Built, f.status.Message)
			}
			for hash, times := range f.jobs {
				if times != 1 {
					t.Errorf("input %s was built %d times", hash, times)
				}
			}
		})
	}
	if whole.writes < 4 {
		t.Errorf("a release wrote only %d times: nothing was interrupted", whole.writes)
	}
}

func TestReleaseEnds(t *testing.T) {
	tests := map[string]struct {
		actor   string
		change  func(*fixture)
		phase   v1alpha1.Phase
		cause   string
		message string
	}{
		"held":       {"bob", func(*fixture) {}, v1alpha1.PhaseHeld, "", "bob has the role viewer"},
		"not ready":  {"alice", func(f *fixture) { f.unready = &release.Failure{Cause: "CrashLoop", Message: "web crashes: boom"} }, v1alpha1.PhaseFailed, "CrashLoop", "web crashes: boom"},
		"refused":    {"alice", func(f *fixture) { f.refused = fault.New(fault.Denied, "the quota is used up") }, v1alpha1.PhaseFailed, "ApplyFailed", "the quota is used up"},
		"internal":   {"alice", func(f *fixture) { f.refused = errors.New("secret detail") }, v1alpha1.PhaseFailed, "ApplyFailed", "an internal error"},
		"comes back": {"alice", func(f *fixture) { f.refused = fault.New(fault.Unavailable, "the API server is away") }, v1alpha1.PhaseSucceeded, "", "live"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			tt.change(f)
			if err := f.run(t.Context(), tt.actor); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != tt.phase || f.status.Cause != tt.cause || !strings.Contains(f.status.Message, tt.message) {
				t.Errorf("got %s %q %q, want %s %q %q", f.status.Phase, f.status.Cause, f.status.Message, tt.phase, tt.cause, tt.message)
			}
			if tt.phase != v1alpha1.PhaseSucceeded && f.pruned != 0 {
				t.Error("something was pruned although the release did not succeed")
			}
			if tt.phase == v1alpha1.PhaseHeld && len(f.jobs) != 0 {
				t.Error("something was built for a release that nobody allowed")
			}
		})
	}
}

func TestSupersededReleaseStops(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	f.stop, f.stopAt = func() { cancel(release.ErrSuperseded) }, 1
	if err := f.run(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	if f.status.Phase != v1alpha1.PhaseSuperseded || f.applies != 0 {
		t.Errorf("phase %s after %d applies, want Superseded before any", f.status.Phase, f.applies)
	}
}
