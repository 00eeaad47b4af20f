package stage

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// TestProgressOnATerminal redraws the present phase's line and leaves those
// before it.
func TestProgressOnATerminal(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rel := &v1alpha1.Release{}
	enter := func(phase v1alpha1.Phase, message string, after time.Duration) {
		rel.Status.Phase, rel.Status.Message = phase, message
		rel.Status.Timings = append(rel.Status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.MicroTime{Time: began.Add(after)}})
	}
	var out bytes.Buffer
	p := &progress{out: &out, terminal: true}
	enter(v1alpha1.PhasePending, "planning", 0)
	p.release(rel)
	enter(v1alpha1.PhaseVerifying, "waiting", 1500*time.Millisecond)
	p.release(rel)
	rel.Status.Message = "waiting; \x1b[2Jweb: " + strings.Repeat("x", 200)
	p.release(rel)
	p.release(rel)
	enter(v1alpha1.PhaseSucceeded, "live", 61*time.Second)
	p.release(rel)
	p.end()
	const redraw = "\r\x1b[2K"
	want := redraw + "   0.0s  Pending     planning\n" +
		redraw + "   1.5s  Verifying   waiting" +
		redraw + "   1.5s  Verifying   waiting; web: " + strings.Repeat("x", 64) + "…\n" +
		redraw + "  1m01s  Succeeded\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
