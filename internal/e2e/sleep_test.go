//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/entrance"
)

// TestPreviewSleeps puts a preview to sleep, has a monitor and a browser come, and wakes
// it with a request that is answered by its pods.
func TestPreviewSleeps(t *testing.T) {
	tm := newTeam(t, "sleepy")
	files := previewed()
	files["slipway.yaml"] = strings.NewReplacer("project: previewed", "project: sleepy", "access: public}", "access: public, sleepAfter: 8h}").Replace(files["slipway.yaml"])
	first := tm.push(t, "alice", "main", files, "First")
	tm.await(t, "staging", first, v1alpha1.PhaseSucceeded)
	commit := tm.push(t, "alice", "login", map[string]string{"web/index.html": "with a login\n"}, "Login")
	number := tm.openPull(t, "login")
	stage := fmt.Sprintf("pr-%d", number)
	tm.await(t, stage, commit, v1alpha1.PhaseSucceeded)
	tm.page(t, "web", stage, "with a login")
	if tag := tm.ask(t, stage, http.MethodGet, "", "").Header.Get("X-Robots-Tag"); tag != "noindex" {
		t.Errorf("it did not come through the gate: X-Robots-Tag %q", tag)
	}
	tm.admit(t, "alice", "slipway-operator")

	tm.must(t, "alice", "sleep", tm.name, stage)
	tm.commented(t, number, "asleep since")
	tm.podless(t, stage)
	for agent, status := range map[string]int{"kube-probe/1.33": http.StatusServiceUnavailable, "Mozilla/5.0 (compatible; UptimeRobot/2.0)": http.StatusServiceUnavailable} {
		if answer := tm.ask(t, stage, http.MethodGet, agent, "text/html"); answer.StatusCode != status || answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s gets %d", agent, answer.StatusCode)
		}
	}
	time.Sleep(3 * time.Second)
	tm.podless(t, stage) // nobody came

	began := time.Now()
	body := read(t, tm.ask(t, stage, http.MethodGet, "curl/8.5.0", "*/*"))
	t.Logf("a held request was answered after %s", time.Since(began))
	if !strings.Contains(body, "with a login") {
		tm.explain(t)
		t.Errorf("a held request was answered %q", body)
	}

	tm.must(t, "alice", "sleep", tm.name, stage)
	tm.podless(t, stage)
	began = time.Now()
	page := tm.ask(t, stage, http.MethodGet, "Mozilla/5.0", "text/html")
	if took, body := time.Since(began), read(t, page); page.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "wakes up") || took > time.Second {
		t.Errorf("a browser got %d after %s: %s", page.StatusCode, took, body)
	}
	tm.page(t, "web", stage, "with a login")
	if _, err := tm.forge.MergePull(tm.repo, number, "alice"); err != nil {
		t.Fatal(err)
	}
	tm.gone(t, "namespace", tm.stage(stage))
	tm.gone(t, "-n", "slipway-gate", "configmap", tm.namespace()+"."+tm.name+"-"+stage)
	tm.end(t, "staging")
}

// TestPreviewTakesALink shows a preview to who has its link, and to nobody else.
func TestPreviewTakesALink(t *testing.T) {
	tm := newTeam(t, "walled")
	files := previewed()
	files["slipway.yaml"] = strings.NewReplacer("project: previewed", "project: walled", ", access: public", "").Replace(files["slipway.yaml"])
	first := tm.push(t, "alice", "main", files, "First")
	tm.await(t, "staging", first, v1alpha1.PhaseSucceeded)
	commit := tm.push(t, "alice", "login", map[string]string{"web/index.html": "with a login\n"}, "Login")
	number := tm.openPull(t, "login")
	stage := fmt.Sprintf("pr-%d", number)
	tm.await(t, stage, commit, v1alpha1.PhaseSucceeded)
	tm.commented(t, number, "?slipway-share=")
	share, err := tm.Kubectl(t.Context(), "-n", tm.namespace(), "get", "stage", tm.name+"-"+stage, "-o", "jsonpath={.status.share.token}")
	if err != nil || share == "" {
		t.Fatalf("share %q: %v", share, err)
	}
	err = stand.Poll(t.Context(), time.Minute, func(context.Context) (bool, error) {
		answer := tm.ask(t, stage, http.MethodGet, "curl/8.5.0", "*/*", entrance.BypassHeader, share)
		return answer.StatusCode == http.StatusOK && strings.Contains(read(t, answer), "with a login"), nil
	})
	if err != nil {
		tm.explain(t)
		t.Errorf("with the share: %v", err)
	}
	if answer := tm.ask(t, stage, http.MethodGet, "curl/8.5.0", "*/*"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("without a share: %d", answer.StatusCode)
	}
	if answer := tm.ask(t, stage, http.MethodGet, "Mozilla/5.0", "text/html"); answer.StatusCode != http.StatusForbidden || !strings.Contains(read(t, answer), "link") {
		t.Errorf("a browser without a share: %d", answer.StatusCode)
	}
	if _, err := tm.forge.MergePull(tm.repo, number, "alice"); err != nil {
		t.Fatal(err)
	}
	tm.gone(t, "namespace", tm.stage(stage))
	tm.end(t, "staging")
}

// ask asks the ingress for the preview's page as a program does, and waits as long as the
// gate does.
func (tm *team) ask(t *testing.T, stage, method, agent, accept string, header ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, tm.Ingress()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = tm.host("web", stage)
	request.Header.Set("User-Agent", agent)
	request.Header.Set("Accept", accept)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := *stand.Client()
	client.Timeout = 70 * time.Second
	answer, err := client.Do(request)
	if err != nil {
		tm.explain(t)
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

func read(t *testing.T, answer *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// podless waits until a stage has no pods.
func (tm *team) podless(t *testing.T, stage string) {
	t.Helper()
	var pods string
	err := stand.Poll(t.Context(), time.Minute, func(ctx context.Context) (bool, error) {
		var err error
		pods, err = tm.Kubectl(ctx, "-n", tm.stage(stage), "get", "pods", "-o", "name")
		return strings.TrimSpace(pods) == "", err
	})
	if err != nil {
		t.Fatalf("pods stay in %s: %s: %v", stage, pods, err)
	}
}
