package cli

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
		redraw + "   1.5s  Verifying   waiting;  [2Jweb: " + strings.Repeat("x", 60) + "…\n" +
		redraw + "  1m01s  Succeeded\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTimeHeldIsNoWork(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rel := &v1alpha1.Release{Status: v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseSucceeded}}
	for i, phase := range []v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseHeld, v1alpha1.PhaseApplying, v1alpha1.PhaseSucceeded} {
		at := began.Add(time.Duration(i) * time.Second)
		if i >= 2 {
			at = at.Add(48 * time.Hour)
		}
		rel.Status.Timings = append(rel.Status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.MicroTime{Time: at}})
	}
	if got := took(rel, began.Add(1000*time.Hour)); got != "2.0s" {
		t.Errorf("took %s, want 2.0s", got)
	}
}

func TestSecretsAreHidden(t *testing.T) {
	secret := func(data string) map[string][]byte {
		return map[string][]byte{"Secret/key": []byte("apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\n" + data), "ConfigMap/a": []byte("data: {a: open}\n")}
	}
	before, after := secret("data: {same: U0FNRQ==, old: T0xE}\nstringData: {plain: SHOUT}\n"), secret("data: {same: U0FNRQ==, old: TkVX, more: TU9SRQ==}\n")
	if err := hideSecrets(before, after); err != nil {
		t.Fatal(err)
	}
	both := string(before["Secret/key"]) + string(after["Secret/key"])
	for _, value := range []string{"U0FNRQ==", "T0xE", "TkVX", "TU9SRQ==", "SHOUT"} {
		if strings.Contains(both, value) {
			t.Errorf("%s is shown:\n%s", value, both)
		}
	}
	for _, words := range []string{"old: (hidden, before)", "old: (hidden, after)", "same: (hidden)\n", "more: (hidden)\n", "plain: (hidden)\n"} {
		if !strings.Contains(both, words) {
			t.Errorf("no %q in\n%s", words, both)
		}
	}
	if string(before["ConfigMap/a"]) != "data: {a: open}\n" {
		t.Errorf("a ConfigMap was changed: %s", before["ConfigMap/a"])
	}
	if err := hideSecrets(map[string][]byte{"Secret/key": []byte("a: b: CANARY")}, nil); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("a damaged Secret: %v, want an error that shows nothing of it", err)
	}
}
