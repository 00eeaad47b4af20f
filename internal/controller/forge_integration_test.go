//go:build integration

package controller_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest/trouble"
)

// everything makes the project's hook report every event.
func (p *team) everything() {
	p.t.Helper()
	if _, err := env.Forge.SetHook(p.Path, env.Hook(p.Organization, p.Name), servertest.WebhookSecret); err != nil {
		p.t.Fatal(err)
	}
}

func TestRequiredCheckOpensTheGate(t *testing.T) {
	stages := "  - {name: production, branch: main, requires: {checks: [ci/test]}}\n"
	p := join(t, "checks", siteFiles(stages, "hello"), nil)
	p.everything()
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld)
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("tested")})
	release := p.reaches("production", commit, v1alpha1.PhaseHeld)
	if message := release.Status.Message; !strings.Contains(message, "ci/test") || !strings.Contains(message, "slipway.yaml:") {
		t.Errorf("it is held because %s", message)
	}
	if err := env.Forge.SetStatus(p.Path, commit, "ci/test", "failure", "ci"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p.eventually("the check fails", func() error {
		if message := p.reaches("production", commit, v1alpha1.PhaseHeld).Status.Message; !strings.Contains(message, "failed") {
			return fmt.Errorf("held because %s", message)
		}
		return nil
	})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the event took %s to be heeded: that was the timer", took)
	}
	p.eventually("the forge hears of it", func() error {
		if state, message := p.status(commit, "production"); state != "pending" || !strings.Contains(message, "failed") {
			return fmt.Errorf("%s: %s", state, message)
		}
		return nil
	})
	if err := env.Forge.SetStatus(p.Path, commit, "ci/test", "success", "ci"); err != nil {
		t.Fatal(err)
	}
	p.reaches("production", commit, v1alpha1.PhaseSucceeded)
}

// A forge that doesn't answer keeps a gate shut, and fails nothing.
func TestSilentForgeKeepsTheGateShut(t *testing.T) {
	stages := "  - {name: production, branch: main, requires: {checks: [ci/test]}}\n"
	p := join(t, "silent", siteFiles(stages, "hello"), nil)
	p.everything()
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld)
	repair := env.Forge.Break("GET /repos/"+p.Path+"/commits/*/check-runs", trouble.Fault{Status: http.StatusBadGateway})
	defer repair()
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("tested")})
	if message := p.reaches("production", commit, v1alpha1.PhaseHeld).Status.Message; !strings.Contains(message, "502") {
		t.Errorf("it is held because %s", message)
	}
	repair()
	if err := env.Forge.SetStatus(p.Path, commit, "ci/test", "success", "ci"); err != nil {
		t.Fatal(err)
	}
	p.reaches("production", commit, v1alpha1.PhaseSucceeded)
}

func TestMemberOfAGroupMayDeploy(t *testing.T) {
	stages := "  - {name: production, branch: main, protected: true}\n"
	files := siteFiles(stages, "hello")
	files["slipway.yaml"] = strings.Replace(files["slipway.yaml"], "members:\n", "members:\n  - {group: acme/leads, role: maintainer}\n", 1)
	p := join(t, "groups", files, nil)
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld) // nobody knows who made it
	stranger := p.push("main", "eve", map[string]string{"deploy/settings.yaml": settings("hers")})
	held := p.reaches("production", stranger, v1alpha1.PhaseHeld)
	if message := held.Status.Message; !strings.Contains(message, "eve is no member") || !strings.Contains(message, "acme/leads") {
		t.Errorf("it is held because %s", message)
	}
	env.Forge.SetMember("acme/leads", "carol")
	commit := p.push("main", "carol", map[string]string{"deploy/settings.yaml": settings("theirs")})
	p.reaches("production", commit, v1alpha1.PhaseSucceeded)
	if got, _ := p.greeting("production"); got != "theirs" {
		t.Errorf("the settings say %q", got)
	}
}

func TestSkippedCommitIsNotReleased(t *testing.T) {
	p := join(t, "skip", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	commit, err := env.Forge.Push(p.Path, "main", map[string]string{"deploy/settings.yaml": settings("skipped")}, "Try it\n\n[skip slipway]", "dev")
	if err != nil {
		t.Fatal(err)
	}
	p.eventually("the stage says so", func() error {
		stage, err := p.stage("dev")
		if err != nil {
			return err
		}
		for _, c := range stage.Status.Conditions {
			if strings.Contains(c.Message, "[skip slipway]") && strings.Contains(c.Message, commit[:8]) {
				return nil
			}
		}
		return fmt.Errorf("conditions %+v", stage.Status.Conditions)
	})
	p.eventually("the commit says so", func() error {
		if state, message := p.status(commit, "dev"); state != "success" || !strings.HasPrefix(message, "skipped: ") {
			return fmt.Errorf("%s: %s", state, message)
		}
		return nil
	})
	if releases := p.releases("dev"); len(releases) != 1 {
		t.Errorf("%d releases, want the first alone", len(releases))
	}
	next := p.push("main", "dev", map[string]string{"README.md": "more\n"})
	p.reaches("dev", next, v1alpha1.PhaseSucceeded)
	if got, _ := p.greeting("dev"); got != "skipped" {
		t.Errorf("the settings say %q: the next commit holds the skipped one's change", got)
	}
}

func TestReportsInOrderWithDeployments(t *testing.T) {
	p := join(t, "reported", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	repair := env.Forge.Break("POST /repos/"+p.Path+"/statuses/*", trouble.TooMany(2*time.Second))
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("reported")})
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded) // whatever the forge says
	repair()
	p.eventually("it is live at the forge", func() error {
		if state, message := p.status(commit, "dev"); state != "success" || !strings.HasPrefix(message, "live: ") || len([]rune(message)) > 140 {
			return fmt.Errorf("%s: %s", state, message)
		}
		return nil
	})
	all, err := env.Forge.Statuses(p.Path, commit)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) > 2 {
		t.Errorf("while the forge limited us, %d states gathered, want only the newest reported: %+v", len(all), all)
	}
	p.eventually("the deployment is live", func() error { return p.deployed(commit, "success") })
	p.eventually("the release knows", func() error {
		if release := p.reaches("dev", commit, v1alpha1.PhaseSucceeded); release.Status.Reported != v1alpha1.PhaseSucceeded {
			return fmt.Errorf("reported %q", release.Status.Reported)
		}
		return nil
	})
	if all, err = env.Forge.Statuses(p.Path, commit); err != nil { // a report that was cut short is sent whole again
		t.Fatal(err)
	}
	restart(t)
	before := len(all)
	time.Sleep(500 * time.Millisecond) // a restart that sent it again would have by now
	if all, err = env.Forge.Statuses(p.Path, commit); err != nil || len(all) != before {
		t.Errorf("after a restart there are %d statuses, want %d: %v", len(all), before, err)
	}
}

// deployed wants exactly one deployment of a commit, in a state.
func (p *team) deployed(commit, state string) error {
	all, err := env.Forge.Deployments(p.Path)
	if err != nil {
		return err
	}
	var states []string
	for _, d := range all {
		if d.Commit == commit && len(d.Statuses) > 0 {
			states = append(states, d.Statuses[0].State)
		}
	}
	if !slices.Equal(states, []string{state}) {
		return fmt.Errorf("deployments %v, want one, %s", states, state)
	}
	return nil
}

func TestOneCommentPerPullRequest(t *testing.T) {
	stages := devStage + "  - {name: feature, branch: \"feature/*\"}\n"
	p := join(t, "comment", siteFiles(stages, "hello"), nil)
	p.everything()
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	p.push("feature/cart", "dev", map[string]string{"deploy/settings.yaml": settings("one")})
	number, err := env.Forge.OpenPull(p.Path, forgetest.PullRequest{Title: "Cart", Head: "feature/cart", Login: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	p.commented(number, "live")
	restart(t)
	file := strings.Replace(projectFile(stages, site), "{user: dev, role: developer}", "{user: dev, role: owner}", 1)
	commit := p.push("feature/cart", "dev", map[string]string{"slipway.yaml": file})
	p.commented(number, commit[:8], "`dev goes from developer to owner`")
	broken := p.push("feature/cart", "dev", map[string]string{"slipway.yaml": file + "surprise: true\n"})
	p.commented(number, "surprise", "slipway.yaml:")
	p.eventually("the mistake is shown at its line", func() error {
		runs, err := env.Forge.CheckRuns(p.Path, broken)
		if err != nil {
			return err
		}
		for _, run := range runs {
			if run.Name == "slipway/slipway.yaml" && run.Conclusion == "failure" && len(run.Annotations) == 1 && run.Annotations[0].StartLine > 10 {
				return nil
			}
		}
		return fmt.Errorf("check runs %+v", runs)
	})
}

// commented waits until Slipway's only comment under a pull request holds all texts.
func (p *team) commented(number int, texts ...string) {
	p.t.Helper()
	p.eventually("the comment", func() error {
		comments, err := env.Forge.Comments(p.Path, number)
		if err != nil {
			return err
		}
		comments = slices.DeleteFunc(comments, func(c forgetest.Comment) bool { return c.Login != "slipway" })
		if len(comments) != 1 {
			return fmt.Errorf("%d comments, want one: %+v", len(comments), comments)
		}
		for _, text := range texts {
			if !strings.Contains(comments[0].Body, text) {
				return fmt.Errorf("it lacks %q: %s", text, comments[0].Body)
			}
		}
		return nil
	})
}

func TestMistakeInTheFileInForceIsShownAtItsLine(t *testing.T) {
	p := join(t, "mistake", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	broken := p.push("main", "dev", map[string]string{"slipway.yaml": projectFile(devStage, site) + "surprise: true\n"})
	check := func() error {
		runs, err := env.Forge.CheckRuns(p.Path, broken)
		if err != nil {
			return err
		}
		if len(runs) != 1 || len(runs[0].Annotations) != 1 {
			return fmt.Errorf("check runs %+v", runs)
		}
		return nil
	}
	p.eventually("the mistake is shown", check)
	restart(t)
	time.Sleep(500 * time.Millisecond) // a restart that showed it again would have by now
	if err := check(); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}
