package preview

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/scm"
)

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// request returns an open pull request of a branch of the project's own.
func request(number int64, branch, base string, change func(*scm.PullRequest)) scm.PullRequest {
	r := scm.PullRequest{
		Number: number, Author: "alice",
		Head: scm.Side{Ref: "refs/heads/" + branch, Commit: "as the forge says"}, Base: scm.Side{Ref: "refs/heads/" + base},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func policy(change func(*project.Previews)) *project.Previews {
	p := &project.Previews{From: "staging", Into: []string{"main", "release/*"}, Limit: 10, TTL: "72h"}
	if change != nil {
		change(p)
	}
	return p
}

// heads are where the branches are: each at a commit of its name.
func heads(branches ...string) map[string]string {
	all := map[string]string{"refs/heads/main": "main"}
	for _, branch := range branches {
		all["refs/heads/"+branch] = branch
	}
	return all
}

func draft(r *scm.PullRequest) { r.Draft = true }
func fork(r *scm.PullRequest)  { r.Fork = true }
func by(login string) func(*scm.PullRequest) {
	return func(r *scm.PullRequest) { r.Author = login }
}

func labelled(labels ...string) func(*scm.PullRequest) {
	return func(r *scm.PullRequest) { r.Labels = labels }
}

func labels(p *project.Previews) { p.Labels = []string{"preview", "demo"} }

// One pull request is decided by its base, its state and what was there before.
func TestDecide(t *testing.T) {
	live := Known{Lives: true, Commit: "login", Pushed: start()}
	tests := map[string]struct {
		previews func(*project.Previews)
		request  scm.PullRequest
		known    *Known
		want     State
		reason   string // part of it
	}{
		"into main":                  {request: request(7, "login", "main", nil), want: Live},
		"into a release branch":      {request: request(7, "login", "release/1.2", nil), want: Live},
		"into another branch":        {request: request(7, "login", "develop", nil), want: None, reason: "into main, release/*, and this one goes into develop"},
		"retargeted away":            {request: request(7, "login", "develop", nil), known: &live, want: None, reason: "develop"},
		"into any branch":            {previews: func(p *project.Previews) { p.Into = nil }, request: request(7, "login", "develop", nil), want: Live},
		"of a fork":                  {request: request(7, "login", "main", fork), want: None, reason: "forks get no previews"},
		"asked for":                  {previews: labels, request: request(7, "login", "main", draft), known: &Known{Revived: true}, want: Live},
		"asked for before":           {request: request(7, "login", "main", by("renovate")), known: &Known{Asked: true}, want: Live},
		"asked for into another":     {request: request(7, "login", "develop", nil), known: &Known{Asked: true, Revived: true}, want: None, reason: "develop"},
		"asked for, then expired":    {request: request(7, "login", "main", nil), known: &Known{Commit: "login", Expired: true, Asked: true}, want: Expired, reason: "a push, or `/slipway preview`"},
		"asked for again":            {request: request(7, "login", "main", nil), known: &Known{Commit: "login", Expired: true, Revived: true}, want: Live},
		"kept by its label":          {request: request(7, "login", "main", labelled(LabelKeep)), known: &Known{Lives: true, Commit: "login", Pushed: start().Add(-1000 * time.Hour)}, want: Live},
		"extended":                   {request: request(7, "login", "main", nil), known: &Known{Lives: true, Commit: "login", Pushed: start().Add(-100 * time.Hour), Until: start().Add(time.Hour)}, want: Live},
		"extended until now":         {request: request(7, "login", "main", nil), known: &Known{Lives: true, Commit: "login", Pushed: start().Add(-100 * time.Hour), Until: start()}, want: Live},
		"extended long ago":          {request: request(7, "login", "main", nil), known: &Known{Lives: true, Commit: "login", Pushed: start().Add(-100 * time.Hour), Until: start().Add(-time.Second)}, want: Expired, reason: "72h"},
		"a draft":                    {request: request(7, "login", "main", draft), want: None, reason: "draft"},
		"a draft, where they count":  {previews: func(p *project.Previews) { p.Drafts = true }, request: request(7, "login", "main", draft), want: Live},
		"made a draft":               {request: request(7, "login", "main", draft), known: &live, want: Live},
		"a draft with a label":       {previews: labels, request: request(7, "login", "main", func(r *scm.PullRequest) { draft(r); labelled("demo")(r) }), want: Live},
		"a draft whose time ran out": {request: request(7, "login", "main", draft), known: &Known{Commit: "login", Expired: true}, want: None, reason: "draft"},
		"no label":                   {previews: labels, request: request(7, "login", "main", labelled("bug")), want: None, reason: "none of the labels preview, demo"},
		"a label":                    {previews: labels, request: request(7, "login", "main", labelled("bug", "preview")), want: Live},
		"its label was taken":        {previews: labels, request: request(7, "login", "main", nil), known: &live, want: None, reason: "labels"},
		"of a bot":                   {request: request(7, "login", "main", by("dependabot[bot]")), want: None, reason: "dependabot[bot] is a bot"},
		"of a bot, with a label":     {previews: labels, request: request(7, "login", "main", func(r *scm.PullRequest) { by("renovate")(r); labelled("demo")(r) }), want: Live},
		"of a token of GitLab":       {request: request(7, "login", "main", by("project_42_bot_0a1b")), want: None, reason: "bot"},
		"of somebody like a bot":     {request: request(7, "login", "main", by("abbot")), want: Live},
		"its branch is gone":         {request: request(7, "logout", "main", nil), want: None, reason: "branch logout is not in the repository"},
		"its branch was deleted":     {request: request(7, "logout", "main", nil), known: &live, want: None, reason: "logout"},
		"three days without a push":  {request: request(7, "login", "main", nil), known: &Known{Lives: true, Commit: "login", Pushed: start().Add(-72*time.Hour - time.Second)}, want: Expired, reason: "72h without a push"},
		"visited since":              {request: request(7, "login", "main", nil), known: &Known{Lives: true, Commit: "login", Pushed: start().Add(-100 * time.Hour), Visited: start().Add(-time.Hour)}, want: Live},
		"visited long ago":           {request: request(7, "login", "main", nil), known: &Known{Lives: true, Commit: "login", Pushed: start().Add(-100 * time.Hour), Visited: start().Add(-74 * time.Hour)}, want: Expired, reason: "or a visit"},
		"nearly three days":          {request: request(7, "login", "main", nil), known: &Known{Lives: true, Commit: "login", Pushed: start().Add(-72 * time.Hour)}, want: Live},
		"pushed after three days":    {request: request(7, "login", "main", nil), known: &Known{Lives: true, Commit: "before", Pushed: start().Add(-100 * time.Hour)}, want: Live},
		"expired":                    {request: request(7, "login", "main", nil), known: &Known{Commit: "login", Expired: true}, want: Expired, reason: "a push, or `/slipway preview`, brings it back"},
		"expired, then pushed":       {request: request(7, "login", "main", nil), known: &Known{Commit: "before", Expired: true}, want: Live},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := Facts{Previews: policy(tt.previews), Open: []scm.PullRequest{tt.request}, Heads: heads("login"), Now: start(), Known: map[int64]Known{}}
			if tt.known != nil {
				f.Known[7] = *tt.known
			}
			got := Decide(f)
			if len(got) != 1 || got[0].State != tt.want || !strings.Contains(got[0].Reason, tt.reason) || (got[0].Reason == "") != (tt.want == Live) {
				t.Errorf("decided %+v, want %s because of %q", got, tt.want, tt.reason)
			}
		})
	}
	if got := Decide(Facts{Open: []scm.PullRequest{request(7, "login", "main", nil)}, Heads: heads("login"), Now: start()}); got != nil {
		t.Errorf("a file without previews gives %+v", got)
	}
}

// Of a fork runs what was approved, and nothing else.
func TestForks(t *testing.T) {
	head, old := strings.Repeat("a", 40), strings.Repeat("b", 40)
	lives := func(approved string) *Known {
		return &Known{Lives: true, Commit: approved, Approved: approved, Pushed: start()}
	}
	tests := map[string]struct {
		forks  string
		change func(*scm.PullRequest)
		known  *Known
		want   State
		runs   string
		reason string
	}{
		"never":                          {forks: "never", want: None, reason: "forks get no previews"},
		"never, approved before":         {forks: "never", known: lives(head), want: None, reason: "forks get no previews"},
		"a word that nobody knows":       {forks: "sometimes", want: None, reason: "forks get no previews"},
		"no word":                        {want: None, reason: "forks get no previews"},
		"not approved":                   {forks: "approve", want: Held, reason: "`/slipway approve " + head + "`"},
		"approved":                       {forks: "approve", known: &Known{Approved: head}, want: Live, runs: head},
		"approved and running":           {forks: "approve", known: lives(head), want: Live, runs: head},
		"pushed after it was approved":   {forks: "approve", known: &Known{Approved: old}, want: Held, reason: "aaaaaaaa comes from a fork"},
		"pushed while it runs":           {forks: "approve", known: lives(old), want: Held, runs: old, reason: "/slipway approve " + head},
		"the next one is approved":       {forks: "approve", known: &Known{Lives: true, Commit: old, Approved: head, Pushed: start()}, want: Live, runs: head},
		"it runs what is not approved":   {forks: "approve", known: &Known{Lives: true, Commit: head, Pushed: start()}, want: Held, reason: "fork"},
		"its time ran out":               {forks: "approve", known: &Known{Lives: true, Commit: head, Approved: head, Pushed: start().Add(-100 * time.Hour)}, want: Expired, reason: "72h"},
		"it expired":                     {forks: "approve", known: &Known{Commit: head, Approved: head, Expired: true}, want: Expired, reason: "72h"},
		"the old one's time ran out":     {forks: "approve", known: &Known{Lives: true, Commit: old, Approved: old, Pushed: start().Add(-100 * time.Hour)}, want: Held, reason: "fork"},
		"a draft":                        {forks: "approve", change: draft, want: None, reason: "draft"},
		"of a bot":                       {forks: "approve", change: by("renovate"), want: None, reason: "bot"},
		"asked for, and not approved":    {forks: "approve", change: draft, known: &Known{Revived: true}, want: Held, reason: "fork"},
		"with a label, and not approved": {forks: "approve", change: labelled("preview", LabelKeep), want: Held, reason: "fork"},
		"into another branch":            {forks: "always", change: func(r *scm.PullRequest) { r.Base.Ref = "refs/heads/develop" }, want: None, reason: "develop"},
		"always":                         {forks: ForksAlways, want: Live, runs: head},
		"always, without a commit":       {forks: ForksAlways, change: func(r *scm.PullRequest) { r.Head.Commit = "" }, want: None, reason: "does not say of which commit"},
		"a branch of the same name":      {forks: "approve", change: func(r *scm.PullRequest) { r.Head.Ref = "refs/heads/login" }, want: Held, reason: "fork"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := request(7, "theirs", "main", func(r *scm.PullRequest) {
				fork(r)
				r.Head.Commit = head
				if tt.change != nil {
					tt.change(r)
				}
			})
			f := Facts{Previews: policy(func(p *project.Previews) { p.Forks = tt.forks }), Open: []scm.PullRequest{r}, Heads: heads("login"), Now: start(), Known: map[int64]Known{}}
			if tt.known != nil {
				f.Known[7] = *tt.known
			}
			got := Decide(f)[0]
			if got.State != tt.want || got.Runs != tt.runs || !strings.Contains(got.Reason, tt.reason) || (got.Reason == "") != (tt.want == Live) {
				t.Errorf("decided %+v, want %s of %q because of %q", got, tt.want, tt.runs, tt.reason)
			}
		})
	}
}

// A preview says when it ends, unless it does not.
func TestEnds(t *testing.T) {
	pushed := start().Add(-time.Hour)
	tests := map[string]struct {
		change func(*scm.PullRequest)
		known  Known
		want   time.Time
	}{
		"new":                   {want: start().Add(72 * time.Hour)},
		"pushed":                {known: Known{Lives: true, Commit: "login", Pushed: pushed}, want: pushed.Add(72 * time.Hour)},
		"extended":              {known: Known{Lives: true, Commit: "login", Pushed: pushed, Until: start().Add(100 * time.Hour)}, want: start().Add(100 * time.Hour)},
		"extended by less":      {known: Known{Lives: true, Commit: "login", Pushed: pushed, Until: start().Add(time.Hour)}, want: pushed.Add(72 * time.Hour)},
		"extended, then pushed": {known: Known{Lives: true, Commit: "before", Pushed: pushed, Until: start().Add(100 * time.Hour)}, want: start().Add(100 * time.Hour)},
		"extended, then ended":  {known: Known{Commit: "before", Pushed: pushed, Until: start().Add(100 * time.Hour)}, want: start().Add(72 * time.Hour)},
		"kept":                  {change: labelled(LabelKeep), known: Known{Lives: true, Commit: "login", Pushed: pushed}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := Facts{Previews: policy(nil), Open: []scm.PullRequest{request(7, "login", "main", tt.change)}, Heads: heads("login"), Now: start(), Known: map[int64]Known{7: tt.known}}
			if got := Decide(f)[0]; !got.Ends.Equal(tt.want) {
				t.Errorf("it ends %v, want %v", got.Ends, tt.want)
			}
		})
	}
}

// states returns what becomes of pull requests: "1 Live, 2 Queued".
func states(decisions []Decision) string {
	var all []string
	for _, d := range decisions {
		all = append(all, fmt.Sprint(d.Request.Number, " ", d.State))
	}
	return strings.Join(all, ", ")
}

// Pull requests into one another are previewed with the one that they end in.
func TestStacks(t *testing.T) {
	tests := map[string]struct {
		open []scm.PullRequest
		want string
	}{
		"two":                  {[]scm.PullRequest{request(2, "b", "a", nil), request(1, "a", "main", nil)}, "1 Live, 2 Live"},
		"three, newest first":  {[]scm.PullRequest{request(1, "c", "b", nil), request(2, "b", "a", nil), request(3, "a", "main", nil)}, "1 Live, 2 Live, 3 Live"},
		"on another branch":    {[]scm.PullRequest{request(1, "a", "develop", nil), request(2, "b", "a", nil)}, "1 None, 2 None"},
		"on a fork's branch":   {[]scm.PullRequest{request(1, "a", "main", fork), request(2, "b", "a", nil)}, "1 None, 2 None"},
		"on a draft":           {[]scm.PullRequest{request(1, "a", "main", draft), request(2, "b", "a", nil)}, "1 None, 2 Live"},
		"in a circle":          {[]scm.PullRequest{request(1, "a", "b", nil), request(2, "b", "a", nil)}, "1 None, 2 None"},
		"on itself":            {[]scm.PullRequest{request(1, "a", "a", nil)}, "1 None"},
		"one listed twice":     {[]scm.PullRequest{request(1, "a", "main", nil), request(1, "a", "main", nil)}, "1 Live"},
		"two of one branch":    {[]scm.PullRequest{request(1, "a", "main", nil), request(2, "a", "release/1", nil)}, "1 Live, 2 Live"},
		"a fork on our branch": {[]scm.PullRequest{request(1, "a", "main", nil), request(2, "b", "a", fork)}, "1 Live, 2 None"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Decide(Facts{Previews: policy(nil), Open: tt.open, Heads: heads("a", "b", "c"), Now: start()})
			if states(got) != tt.want {
				t.Errorf("decided %s, want %s", states(got), tt.want)
			}
		})
	}
}

// Previews that exist keep their place; the others come in the order of their numbers.
func TestLimit(t *testing.T) {
	two := policy(func(p *project.Previews) { p.Limit = 2 })
	open := []scm.PullRequest{request(4, "d", "main", nil), request(3, "c", "main", nil), request(2, "b", "main", nil), request(1, "a", "main", nil)}
	tests := map[string]struct {
		known map[int64]Known
		want  string
	}{
		"none exists":        {nil, "1 Live, 2 Live, 3 Queued, 4 Queued"},
		"a late one exists":  {map[int64]Known{4: {Lives: true, Commit: "d", Pushed: start()}}, "1 Live, 2 Queued, 3 Queued, 4 Live"},
		"it was pushed to":   {map[int64]Known{4: {Lives: true, Commit: "before", Pushed: start()}}, "1 Live, 2 Queued, 3 Queued, 4 Live"},
		"more than allowed":  {map[int64]Known{2: {Lives: true, Commit: "b", Pushed: start()}, 3: {Lives: true, Commit: "c", Pushed: start()}, 4: {Lives: true, Commit: "d", Pushed: start()}}, "1 Queued, 2 Live, 3 Live, 4 Live"},
		"one expired":        {map[int64]Known{1: {Commit: "a", Expired: true}}, "1 Expired, 2 Live, 3 Live, 4 Queued"},
		"an ended one waits": {map[int64]Known{3: {Commit: "before", Expired: true}}, "1 Live, 2 Live, 3 Queued, 4 Queued"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Decide(Facts{Previews: two, Open: open, Heads: heads("a", "b", "c", "d"), Known: tt.known, Now: start()})
			if states(got) != tt.want {
				t.Errorf("decided %s, want %s", states(got), tt.want)
			}
			for _, d := range got {
				if d.State == Queued && !strings.Contains(d.Reason, "2 previews are awake") {
					t.Errorf("pull request %d waits because of %q", d.Request.Number, d.Reason)
				}
			}
		})
	}
}

// What is decided depends on no order, and deciding again changes nothing.
func TestDecideIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		branches := []string{"a", "b", "c", "d"}
		branch := rapid.SampledFrom(branches)
		f := Facts{Previews: policy(func(p *project.Previews) { p.Limit = rapid.IntRange(1, 3).Draw(t, "limit") }), Heads: heads(branches...), Known: map[int64]Known{}, Now: start()}
		for n := range rapid.Int64Range(0, 6).Draw(t, "open") {
			r := request(n+1, branch.Draw(t, "head"), rapid.SampledFrom(append(branches, "main")).Draw(t, "base"), nil)
			r.Draft, r.Fork = rapid.Bool().Draw(t, "draft"), rapid.Bool().Draw(t, "fork")
			f.Open = append(f.Open, r)
		}
		first := Decide(f)
		alive := map[int64]Known{}
		for _, d := range first {
			if d.State == Live {
				alive[d.Request.Number] = Known{Lives: true, Commit: d.Commit, Pushed: d.Pushed}
			}
			if d.State == Live && (d.Request.Fork || d.Request.Draft || d.Commit == "") {
				t.Fatalf("%+v has a preview", d)
			}
		}
		if len(alive) > f.Previews.Limit {
			t.Fatalf("%d previews, more than %d", len(alive), f.Previews.Limit)
		}
		slices.Reverse(f.Open)
		f.Known = maps.Clone(alive)
		if again := Decide(f); states(again) != states(first) {
			t.Fatalf("first %s, then %s", states(first), states(again))
		}
	})
}
