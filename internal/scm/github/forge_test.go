package github_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest/trouble"
	"github.com/slipway-dev/slipway/internal/scm/github"
)

// newForge returns a forge with one repository, acme/shop, its head, and a
// Reporter for it.
func newForge(t *testing.T) (*forgetest.Forge, string, *github.Reporter) {
	t.Helper()
	forge, err := forgetest.New(forgetest.Options{Dir: t.TempDir(), Token: "forge-token"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(forge.Close)
	server := httptest.NewServer(forge)
	t.Cleanup(server.Close)
	forge.SetURL(server.URL)
	if err := forge.CreateRepository("acme/shop"); err != nil {
		t.Fatal(err)
	}
	head, err := forge.Push("acme/shop", "main", map[string]string{"a": "1"}, "Begin", "alice")
	if err != nil {
		t.Fatal(err)
	}
	reporter, err := github.NewReporter(scm.Access{
		API: forge.APIURL(), Token: "forge-token", AllowHTTP: true, Transport: &http.Transport{DisableKeepAlives: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return forge, head, reporter
}

// What is reported is what the forge shows.
func TestReportsToForge(t *testing.T) {
	forge, head, reporter := newForge(t)
	status := scm.Status{Repository: "acme/shop", Commit: head, Context: "slipway/production", State: scm.StateSuccess, Description: "live"}
	if err := reporter.SetStatus(t.Context(), status); err != nil {
		t.Fatal(err)
	}
	statuses, err := forge.Statuses("acme/shop", head)
	if err != nil || len(statuses) != 1 || statuses[0].Context != "slipway/production" || statuses[0].State != "success" {
		t.Errorf("the forge shows %+v, %v", statuses, err)
	}
	if _, err := forge.Push("acme/shop", "cart", map[string]string{"a": "2"}, "Add a cart", "bob"); err != nil {
		t.Fatal(err)
	}
	number, err := forge.OpenPull("acme/shop", forgetest.PullRequest{Title: "Add a cart", Head: "cart", Login: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"building", "live", "live"} {
		if err := reporter.SetComment(t.Context(), scm.Comment{Repository: "acme/shop", PullRequest: int64(number), Topic: "preview", Body: text}); err != nil {
			t.Fatal(err)
		}
	}
	comments, err := forge.Comments("acme/shop", number)
	if err != nil || len(comments) != 1 || !strings.HasSuffix(comments[0].Body, "live") {
		t.Errorf("the forge shows %+v, %v", comments, err)
	}
	deployment := scm.Deployment{Release: "r1", Repository: "acme/shop", Commit: head, Stage: "production", Phase: scm.PhaseRunning}
	for _, phase := range []scm.Phase{scm.PhaseRunning, scm.PhaseLive} { // the id is lost in between
		deployment.Phase = phase
		if _, err := reporter.SetDeployment(t.Context(), deployment); err != nil {
			t.Fatal(err)
		}
	}
	deployments, err := forge.Deployments("acme/shop")
	if err != nil || len(deployments) != 1 {
		t.Errorf("the forge shows %+v, %v", deployments, err)
	}
}

func TestForgeInTrouble(t *testing.T) {
	forge, head, reporter := newForge(t)
	status := scm.Status{Repository: "acme/shop", Commit: head, Context: "slipway/dev", State: scm.StatePending}
	for name, broken := range map[string]trouble.Fault{
		"resets": {Reset: true},
		"fails":  {Status: http.StatusBadGateway},
	} {
		repair := forge.Break("POST /repos/*/*/statuses/*", broken)
		if err := reporter.SetStatus(t.Context(), status); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("a forge that %s gave %v", name, err)
		}
		repair()
	}
	if err := reporter.SetStatus(t.Context(), status); err != nil {
		t.Errorf("a forge that was mended gave %v", err)
	}
	repair := forge.Break("POST /repos/*/*/statuses/*", trouble.TooMany(20*time.Second))
	if after, _ := scm.RetryAfter(reporter.SetStatus(t.Context(), status)); after != 20*time.Second {
		t.Errorf("a forge that limits us made us wait %s", after)
	}
	repair()
	asked := len(forge.Requests())
	if after, limited := scm.RetryAfter(reporter.SetStatus(t.Context(), status)); !limited || after > 20*time.Second || len(forge.Requests()) != asked {
		t.Errorf("a forge that limits us was asked again at once, or not spared: %s", after)
	}
}

// What the forge sends is what the driver reads, with hooks that Slipway made.
func TestReadsFromForge(t *testing.T) {
	forge, _, reporter := newForge(t)
	var mu sync.Mutex
	var events []scm.Event
	driver := github.New()
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := driver.Verify(r.Header, body, [][]byte{[]byte("hook secret")}); err != nil {
			t.Error(err)
		}
		e, err := driver.Parse(r.Header, body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}))
	defer door.Close()
	if _, err := reporter.CreateHook(t.Context(), "acme/shop", scm.Hook{URL: door.URL, Secret: "hook secret", Active: true}); err != nil {
		t.Fatal(err)
	}
	head, err := forge.Push("acme/shop", "main", map[string]string{"a": "2"}, "Change", "alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := forge.Tag("acme/shop", "v1", head, "Release", "alice"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := forge.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	kinds := map[scm.Kind]int{}
	for _, e := range events {
		kinds[e.Kind]++
		if e.Kind == scm.KindPush && (e.After != head || e.Ref != "refs/heads/main" || e.Actor != "alice") {
			t.Errorf("the push is %+v", e)
		}
	}
	if kinds[scm.KindPing] != 1 || kinds[scm.KindPush] != 1 || kinds[scm.KindTag] == 0 {
		t.Errorf("the forge sent %v", kinds)
	}
}
