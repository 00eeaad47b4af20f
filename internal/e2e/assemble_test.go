//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// TestHelloIsAssembled pushes examples/hello and then another line of its page: nothing in
// its Dockerfile runs, so no container does.
func TestHelloIsAssembled(t *testing.T) {
	tm := newTeam(t, "hello")
	example := os.DirFS("../../examples/hello")
	commit, err := tm.forge.PushTree(tm.repo, "main", example, "Hello", "alice")
	if err != nil {
		t.Fatal(err)
	}
	first := tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
	if service := first.Status.Services[0]; !strings.HasPrefix(service.Why, "assembled: ") || service.Job != "" {
		t.Errorf("the first image: %+v", service)
	}
	page, err := os.ReadFile("../../examples/hello/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"assembled once", "assembled twice", "assembled again"} {
		pushed := time.Now()
		commit := tm.push(t, "alice", "main", map[string]string{"index.html": string(page) + "<p>" + words + "</p>\n"}, words)
		tm.page(t, "web", "production", words)
		took := time.Since(pushed)
		release := tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
		t.Logf("push to page: %s, of which %s", took.Round(10*time.Millisecond), phases(release))
		if service := release.Status.Services[0]; service.Why != "assembled: index.html changed since release "+previous(release) || service.Job != "" {
			t.Errorf("the image: %+v", service)
		}
	}
	if jobs := tm.jobs(t); len(jobs) != 0 {
		t.Errorf("builds ran: %v", jobs)
	}
	tm.end(t, "production")
}

// phases says how long each phase of a release took.
func phases(release v1alpha1.Release) string {
	var text []string
	for i, timing := range release.Status.Timings {
		if i+1 < len(release.Status.Timings) {
			text = append(text, string(timing.Phase)+" "+release.Status.Timings[i+1].At.Sub(timing.At.Time).Round(10*time.Millisecond).String())
		}
	}
	return strings.Join(text, ", ")
}

// previous is the number of the release before.
func previous(release v1alpha1.Release) string {
	return fmt.Sprint(release.Spec.Sequence - 1)
}
