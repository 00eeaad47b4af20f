//go:build integration

package controller_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/fastpath"
)

// overlayStages are five stages of one branch, each with an overlay of its own.
func overlayStages() (names []string, rules string, files map[string]string) {
	files = map[string]string{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		names = append(names, name)
		rules += "  - {name: " + name + ", branch: main, overlay: overlays/" + name + "}\n"
		files["overlays/"+name+"/kustomization.yaml"] = overlay(name)
	}
	maps.Copy(files, siteFiles(rules, "hello"))
	return names, rules, files
}

// overlay returns a kustomization file that labels everything.
func overlay(label string) string { return "labels: [{pairs: {tier: " + label + "}}]\n" }

// hasHead waits until a stage shows a head that changes nothing there.
func (p *team) hasHead(stage, commit, since string) {
	p.t.Helper()
	p.eventually("stage "+stage+" has the commit", func() error {
		found, err := p.stage(stage)
		if err != nil || found.Status.Unchanged() != commit || found.Status.Commit != since {
			return fmt.Errorf("commit %s, head %+v: %w", found.Status.Commit, found.Status.Head, err)
		}
		return nil
	})
}

// releasedOnly waits until some stages have the release of a commit, and wants the
// others to have that commit without one.
func (p *team) releasedOnly(commit string, stages []string, all ...string) {
	p.t.Helper()
	for _, name := range stages {
		p.reaches(name, commit, v1alpha1.PhaseSucceeded)
	}
	for _, name := range all {
		if slices.Contains(stages, name) {
			continue
		}
		releases := p.releases(name)
		last := releases[len(releases)-1]
		p.hasHead(name, commit, last.Spec.Head.Commit)
		if last.Spec.Head.Commit == commit {
			p.t.Errorf("stage %s has a release of %.8s, which changes nothing there", name, commit)
		}
	}
}

func TestPushReleasesOnlyWhatItChanges(t *testing.T) {
	names, rules, files := overlayStages()
	p := join(t, "unchanged", files, nil)
	first := p.head("main")
	p.releasedOnly(first, names, names...)

	readme := p.push("main", "dev", map[string]string{"README.md": "# better\n"})
	p.releasedOnly(readme, nil, names...)
	one := p.push("main", "dev", map[string]string{"overlays/b/kustomization.yaml": overlay("other"), "README.md": "# best\n"})
	p.releasedOnly(one, []string{"b"}, names...)
	other := strings.Replace(rules, "overlay: overlays/c", "overlay: overlays/d", 1)
	rule := p.push("main", "dev", map[string]string{"slipway.yaml": projectFile(other, site)})
	p.releasedOnly(rule, []string{"c"}, names...)
	members := p.push("main", "owner", map[string]string{"slipway.yaml": strings.Replace(projectFile(other, site), "{user: dev, role: developer}", "{user: eve, role: developer}", 1)})
	p.releasedOnly(members, nil, names...)
	shared := p.push("main", "owner", map[string]string{"deploy/settings.yaml": settings("all")})
	p.releasedOnly(shared, names, names...)
}

// statuses returns how many statuses of each context a commit has, and what the
// newest of each says.
func (p *team) statuses(commit string) (count map[string]int, newest map[string]string) {
	p.t.Helper()
	all, err := env.Forge.Statuses(p.Path, commit)
	if err != nil {
		p.t.Fatal(err)
	}
	count, newest = map[string]int{}, map[string]string{}
	for _, s := range all { // newest first
		if count[s.Context]++; count[s.Context] == 1 {
			newest[s.Context] = s.State + ": " + s.Description
		}
	}
	return count, newest
}

// hasStatuses waits until the forge has exactly some statuses of a commit, by context, and
// each of them once.
func (p *team) hasStatuses(commit string, want map[string]string) {
	p.t.Helper()
	p.eventually("the forge hears of the commit", func() error {
		count, newest := p.statuses(commit)
		for context, n := range count {
			if n > 1 {
				p.t.Errorf("%s was reported %d times", context, n)
			}
		}
		if !maps.Equal(newest, want) {
			return fmt.Errorf("statuses %v, want %v", newest, want)
		}
		return nil
	})
}

// The forge hears one status for all stages that a push leaves as they are, and one
// for each protected stage, which may be required; also after a restart.
func TestForgeHearsOnceOfUnchangedStages(t *testing.T) {
	names, _, files := overlayStages()
	files["slipway.yaml"] = strings.Replace(files["slipway.yaml"], "{name: e, ", "{name: e, protected: true, ", 1)
	p := join(t, "heard", files, nil)
	first := p.push("main", "boss", map[string]string{"deploy/settings.yaml": settings("first")}) // who may deploy everywhere
	p.releasedOnly(first, names, names...)

	since := fmt.Sprintf("unchanged since %.8s", first)
	want := map[string]string{"slipway": "success: 5 stages unchanged", "slipway/e": "success: " + since}
	readme := p.push("main", "boss", map[string]string{"README.md": "# better\n"})
	p.releasedOnly(readme, nil, names...)
	p.hasStatuses(readme, want)
	p.eventually("the project remembers", func() error {
		var project v1alpha1.Project
		err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &project)
		if err != nil || project.Status.Reported == "" {
			return fmt.Errorf("status %+v: %w", project.Status, err)
		}
		return nil
	})
	if err := env.Restart(t.Context(), fastpath.Features{}); err != nil {
		t.Fatal(err)
	}
	again := p.push("main", "boss", map[string]string{"README.md": "# best\n"})
	p.hasStatuses(again, want)
	p.hasStatuses(readme, want)

	one := p.push("main", "boss", map[string]string{"overlays/b/kustomization.yaml": overlay("other")})
	p.releasedOnly(one, []string{"b"}, names...)
	p.eventually("the forge hears of both", func() error {
		_, newest := p.statuses(one)
		if len(newest) != 3 || newest["slipway"] != "success: 4 stages unchanged" || newest["slipway/e"] != want["slipway/e"] || !strings.HasPrefix(newest["slipway/b"], "success: live") {
			return fmt.Errorf("statuses %v", newest)
		}
		return nil
	})
}

// What was compared before a restart is neither compared nor released again.
func TestUnchangedHeadOutlivesTheServer(t *testing.T) {
	names, _, files := overlayStages()
	p := join(t, "restarted", files, nil)
	p.releasedOnly(p.head("main"), names, names...)
	readme := p.push("main", "dev", map[string]string{"README.md": "# better\n"})
	p.releasedOnly(readme, nil, names...)
	if err := env.Restart(t.Context(), fastpath.Features{}); err != nil {
		t.Fatal(err)
	}
	again := p.push("main", "dev", map[string]string{"README.md": "# best\n"})
	p.releasedOnly(again, nil, names...)
	one := p.push("main", "dev", map[string]string{"overlays/e/kustomization.yaml": overlay("other")})
	p.releasedOnly(one, []string{"e"}, names...)
}

// Members count at once, at stages that their commit leaves as they are too.
func TestMembersCountAtUnchangedStages(t *testing.T) {
	p := join(t, "members", siteFiles(devStage, "hello"), nil)
	live := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	denied := p.becomes(p.request("dev", "eve", v1alpha1.TriggerRestart, &live, nil).Name, v1alpha1.PhaseFailed)
	if denied.Status.Cause != "Denied" {
		t.Fatalf("eve, who is no member: %s %s", denied.Status.Cause, denied.Status.Message)
	}
	commit := p.push("main", "owner", map[string]string{"slipway.yaml": strings.Replace(projectFile(devStage, site), "{user: dev, role: developer}", "{user: eve, role: developer}", 1)})
	p.hasHead("dev", commit, live.Spec.Head.Commit)
	p.becomes(p.request("dev", "eve", v1alpha1.TriggerRestart, &live, nil).Name, v1alpha1.PhaseSucceeded)
	gone := p.becomes(p.request("dev", "dev", v1alpha1.TriggerRestart, &live, nil).Name, v1alpha1.PhaseFailed)
	if gone.Status.Cause != "Denied" {
		t.Errorf("dev, who is no member any more: %s %s", gone.Status.Cause, gone.Status.Message)
	}
	deploy := p.request("dev", "eve", v1alpha1.TriggerDeploy, nil, func(r *v1alpha1.Release) { r.Spec.Head.Commit = commit })
	p.becomes(deploy.Name, v1alpha1.PhaseSucceeded)
}

// A commit that equals a quarantined one is quarantined too.
func TestUnchangedCommitStaysInQuarantine(t *testing.T) {
	p := join(t, "sickbay", siteFiles(devStage, "good"), nil)
	good := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	bad := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("bad")})
	p.reaches("dev", bad, v1alpha1.PhaseSucceeded)
	p.becomes(p.request("dev", "boss", v1alpha1.TriggerRollback, &good, nil).Name, v1alpha1.PhaseSucceeded)
	before := len(p.releases("dev"))
	readme := p.push("main", "dev", map[string]string{"README.md": "# better\n"})
	p.eventually("the stage has the commit", func() error {
		stage, err := p.stage("dev")
		if err != nil || stage.Status.Head == nil || stage.Status.Head.Commit != readme || stage.Status.Unchanged() != "" {
			return fmt.Errorf("status %+v: %w", stage.Status, err)
		}
		return nil
	})
	if after := len(p.releases("dev")); after != before {
		t.Errorf("%d releases, want %d", after, before)
	}
	p.says("dev", "good")
	denied := p.request("dev", "boss", v1alpha1.TriggerDeploy, nil, func(r *v1alpha1.Release) { r.Spec.Head.Commit = readme })
	if got := p.becomes(denied.Name, v1alpha1.PhaseFailed); got.Status.Cause != "Quarantined" {
		t.Errorf("a maintainer deploys what equals the quarantined commit: %s %s", got.Status.Cause, got.Status.Message)
	}
	fixed := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("fixed")})
	p.reaches("dev", fixed, v1alpha1.PhaseSucceeded)
}

// A push that changes nothing costs a few requests, however many stages there are.
func TestUnchangedStagesCostNoRequests(t *testing.T) {
	names, _, files := overlayStages()
	p := join(t, "cheap", files, nil)
	p.releasedOnly(p.head("main"), names, names...)
	p.rests()
	readme := p.push("main", "dev", map[string]string{"README.md": "# better\n"})
	p.eventually("the delivery is served", func() error {
		for _, d := range p.deliveries() {
			if d.Spec.After == readme && d.Status.Phase == v1alpha1.DeliveryDone {
				return nil
			}
		}
		return fmt.Errorf("deliveries %+v", p.deliveries())
	})
	var calls []servertest.Call
	for _, call := range env.Traffic.Take() {
		shows := strings.Contains(call.Path, "/stages/") && strings.HasSuffix(call.Path, "/status") // later, and once for many pushes
		if p.owns(call) && !shows && call.Verb != "WATCH" {
			calls = append(calls, call)
		}
	}
	if len(calls) > 5 {
		t.Errorf("%d requests: %v", len(calls), calls)
	}
	p.releasedOnly(readme, nil, names...)
	var project v1alpha1.Project
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &project); err != nil || project.Status.File == nil || project.Status.File.Commit != readme {
		t.Errorf("the file in force is %+v: %v", project.Status.File, err)
	}
}
