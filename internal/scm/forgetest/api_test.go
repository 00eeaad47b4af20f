package forgetest_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/slipway-dev/slipway/internal/scm/forgetest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest/trouble"
)

func client(t *testing.T, f *forgetest.Forge) *github.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c := github.NewClient(&http.Client{Transport: transport})
	base, err := url.Parse(f.APIURL())
	must(t, err)
	c.BaseURL = base
	return c
}

func TestStatuses(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	c, ctx := client(t, f), context.Background()
	head, err := f.Head(repo, "main")
	must(t, err)
	for _, s := range []struct{ state, context string }{
		{"pending", "slipway/dev"}, {"success", "slipway/dev"}, {"pending", "slipway/production"},
	} {
		_, _, err := c.Repositories.CreateStatus(ctx, "acme", "shop", head, &github.RepoStatus{
			State: &s.state, Context: &s.context, Description: github.String("about " + s.context), TargetURL: github.String("https://slipway.example/1")})
		must(t, err)
	}
	list, resp, err := c.Repositories.ListStatuses(ctx, "acme", "shop", "main", &github.ListOptions{PerPage: 2})
	must(t, err)
	if len(list) != 2 || resp.NextPage != 2 || list[0].GetContext() != "slipway/production" {
		t.Errorf("first page: %d statuses, next page %d, newest %s", len(list), resp.NextPage, list[0].GetContext())
	}
	combined, _, err := c.Repositories.GetCombinedStatus(ctx, "acme", "shop", head, nil)
	must(t, err)
	if combined.GetState() != "pending" || combined.GetTotalCount() != 2 {
		t.Errorf("combined: %s of %d", combined.GetState(), combined.GetTotalCount())
	}
	got, err := f.Statuses(repo, head)
	must(t, err)
	if len(got) != 3 || got[1].State != "success" || got[1].Context != "slipway/dev" || got[1].Description != "about slipway/dev" {
		t.Errorf("recorded: %+v", got)
	}
	for name, s := range map[string]github.RepoStatus{
		"state":       {State: github.String("live")},
		"description": {State: github.String("success"), Description: github.String(strings.Repeat("x", 141))},
	} {
		_, resp, err := c.Repositories.CreateStatus(ctx, "acme", "shop", head, &s)
		if err == nil || resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %v, want 422", name, err)
		}
	}
	if _, resp, err := c.Repositories.CreateStatus(ctx, "acme", "shop", strings.Repeat("a", 40), &github.RepoStatus{State: github.String("success")}); err == nil || resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("unknown commit: %v, want 422", err)
	}
}

func TestCommentsAndPulls(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	c, ctx := client(t, f), context.Background()
	_, err := f.Push(repo, "topic", map[string]string{"x": "1"}, "Topic", "bob")
	must(t, err)
	made, _, err := c.PullRequests.Create(ctx, "acme", "shop", &github.NewPullRequest{Title: github.String("T"), Head: github.String("topic"), Base: github.String("main")})
	must(t, err)
	got, _, err := c.PullRequests.Get(ctx, "acme", "shop", made.GetNumber())
	must(t, err)
	list, _, err := c.PullRequests.List(ctx, "acme", "shop", nil)
	must(t, err)
	if got.GetHead().GetSHA() == "" || len(list) != 1 || list[0].GetNumber() != 1 {
		t.Errorf("pull request %+v, %d listed", got, len(list))
	}
	comment, _, err := c.Issues.CreateComment(ctx, "acme", "shop", 1, &github.IssueComment{Body: github.String("first")})
	must(t, err)
	_, _, err = c.Issues.EditComment(ctx, "acme", "shop", comment.GetID(), &github.IssueComment{Body: github.String("second")})
	must(t, err)
	comments, _, err := c.Issues.ListComments(ctx, "acme", "shop", 1, nil)
	must(t, err)
	if len(comments) != 1 || comments[0].GetBody() != "second" {
		t.Errorf("comments: %v", comments)
	}
	kept, err := f.Comments(repo, 1)
	must(t, err)
	if len(kept) != 1 || kept[0].Edits != 1 || kept[0].Login != "slipway" {
		t.Errorf("recorded: %+v", kept)
	}
	_, err = c.Issues.DeleteComment(ctx, "acme", "shop", comment.GetID())
	must(t, err)
	if _, resp, err := c.Issues.GetComment(ctx, "acme", "shop", comment.GetID()); err == nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("a deleted comment: %v, want 404", err)
	}
}

func TestDeploymentsAndChecks(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	c, ctx := client(t, f), context.Background()
	head, err := f.Head(repo, "main")
	must(t, err)
	_, _, err = c.Repositories.CreateStatus(ctx, "acme", "shop", head, &github.RepoStatus{State: github.String("pending"), Context: github.String("ci")})
	must(t, err)
	ask := &github.DeploymentRequest{Ref: &head, Environment: github.String("dev")}
	if _, resp, err := c.Repositories.CreateDeployment(ctx, "acme", "shop", ask); err == nil || resp.StatusCode != http.StatusConflict {
		t.Errorf("deployment while a status is pending: %v, want 409", err)
	}
	ask.RequiredContexts = &[]string{}
	d, _, err := c.Repositories.CreateDeployment(ctx, "acme", "shop", ask)
	must(t, err)
	for _, state := range []string{"in_progress", "success"} {
		_, _, err = c.Repositories.CreateDeploymentStatus(ctx, "acme", "shop", d.GetID(), &github.DeploymentStatusRequest{State: &state})
		must(t, err)
	}
	kept, err := f.Deployments(repo)
	must(t, err)
	if len(kept) != 1 || kept[0].Environment != "dev" || len(kept[0].Statuses) != 2 || kept[0].Statuses[0].State != "success" {
		t.Errorf("deployments: %+v", kept)
	}
	run, _, err := c.Checks.CreateCheckRun(ctx, "acme", "shop", github.CreateCheckRunOptions{Name: "slipway.yaml", HeadSHA: head})
	must(t, err)
	_, _, err = c.Checks.UpdateCheckRun(ctx, "acme", "shop", run.GetID(), github.UpdateCheckRunOptions{
		Name: "slipway.yaml", Conclusion: github.String("failure"),
		Output: &github.CheckRunOutput{Title: github.String("1 error"), Summary: github.String("s"), Annotations: []*github.CheckRunAnnotation{{
			Path: github.String("slipway.yaml"), StartLine: github.Int(3), EndLine: github.Int(3), AnnotationLevel: github.String("failure"), Message: github.String("m")}}},
	})
	must(t, err)
	listed, _, err := c.Checks.ListCheckRunsForRef(ctx, "acme", "shop", "main", nil)
	must(t, err)
	checks, err := f.CheckRuns(repo, head)
	must(t, err)
	want := []forgetest.Annotation{{Path: "slipway.yaml", StartLine: 3, EndLine: 3, Level: "failure", Message: "m"}}
	if listed.GetTotal() != 1 || listed.CheckRuns[0].GetConclusion() != "failure" || cmp.Diff(want, checks[0].Annotations) != "" {
		t.Errorf("check runs: %+v", checks)
	}
}

func TestHooks(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	in := newInbox(t)
	c, ctx := client(t, f), context.Background()
	config := &github.HookConfig{URL: &in.server.URL, ContentType: github.String("json"), Secret: github.String(secret)}
	h, _, err := c.Repositories.CreateHook(ctx, "acme", "shop", &github.Hook{Config: config, Events: []string{"push"}, Active: github.Bool(true)})
	must(t, err)
	if h.GetConfig().GetSecret() == secret {
		t.Error("the secret is told")
	}
	if _, _, err := c.Repositories.CreateHook(ctx, "acme", "shop", &github.Hook{Config: config, Events: []string{"push"}}); err == nil {
		t.Error("the same hook twice is accepted")
	}
	_, _, err = c.Repositories.EditHook(ctx, "acme", "shop", h.GetID(), &github.Hook{Config: config, Events: []string{"create"}, Active: github.Bool(true)})
	must(t, err)
	_, err = c.Repositories.PingHook(ctx, "acme", "shop", h.GetID())
	must(t, err)
	_, err = f.Push(repo, "new", map[string]string{"x": "1"}, "x", "alice")
	must(t, err)
	if diff := cmp.Diff([]string{"ping", "ping", "create new branch"}, briefs(in.take(f))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	_, err = c.Repositories.DeleteHook(ctx, "acme", "shop", h.GetID())
	must(t, err)
	list, _, err := c.Repositories.ListHooks(ctx, "acme", "shop", nil)
	must(t, err)
	if len(list) != 0 {
		t.Errorf("hooks left: %v", list)
	}
	must(t, f.SetPermission(repo, "alice", "write"))
	level, _, err := c.Repositories.GetPermissionLevel(ctx, "acme", "shop", "alice")
	must(t, err)
	if level.GetPermission() != "write" {
		t.Errorf("alice has %s", level.GetPermission())
	}
}

// TestFaults breaks one call in each way and checks what go-github makes of it.
func TestFaults(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	ctx := context.Background()
	get := func() error {
		_, _, err := client(t, f).Repositories.Get(ctx, "acme", "shop")
		return err
	}
	for name, tt := range map[string]struct {
		fault trouble.Fault
		check func(error) bool
	}{
		"rate limit": {trouble.RateLimited(time.Now().Add(time.Hour)), func(err error) bool {
			var limited *github.RateLimitError
			return errors.As(err, &limited)
		}},
		"secondary limit": {trouble.TooMany(7 * time.Second), func(err error) bool {
			var answer *github.ErrorResponse
			return errors.As(err, &answer) && answer.Response.Header.Get("Retry-After") == "7"
		}},
		"server error": {trouble.Fault{Status: http.StatusBadGateway}, func(err error) bool {
			var answer *github.ErrorResponse
			return errors.As(err, &answer) && answer.Response.StatusCode == http.StatusBadGateway
		}},
		"reset": {trouble.Fault{Reset: true}, func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		"slow":  {trouble.Fault{Delay: time.Millisecond}, func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			repair := f.Break("GET /repos/*/shop", tt.fault)
			if err := get(); !tt.check(err) {
				t.Errorf("go-github says %v", err)
			}
			if _, _, err := client(t, f).Repositories.ListHooks(ctx, "acme", "shop", nil); err != nil {
				t.Errorf("another call is broken too: %v", err)
			}
			repair()
			if err := get(); err != nil {
				t.Errorf("after the repair: %v", err)
			}
		})
	}
	f.Break("* /repos/**", trouble.Fault{Status: http.StatusServiceUnavailable, Times: 1})
	if err := get(); err == nil {
		t.Error("a fault of one time does nothing")
	}
	if err := get(); err != nil {
		t.Errorf("a fault of one time comes twice: %v", err)
	}
}

func TestRequestsAreRecorded(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	f.ForgetRequests()
	_, _, _ = client(t, f).Repositories.CreateStatus(context.Background(), "acme", "shop", "nonsense", &github.RepoStatus{State: github.String("success")})
	got := f.Requests()
	if len(got) != 1 || got[0].Method != http.MethodPost || got[0].Path != "/repos/acme/shop/statuses/nonsense" || !strings.Contains(string(got[0].Body), `"success"`) {
		t.Errorf("recorded %+v", got)
	}
}
