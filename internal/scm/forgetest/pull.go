package forgetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PullRequest says how a pull request is opened.
type PullRequest struct {
	Title  string
	Body   string
	Head   string // branch, or owner:branch of a fork
	Base   string // branch; empty: DefaultBranch
	Login  string // who opens it
	Draft  bool
	Labels []string
}

// pull is a pull request; guarded by Forge.mu.
type pull struct {
	number   int
	id       int64
	title    string
	body     string
	login    string
	head     *repository // nil when the fork was deleted
	label    string      // owner:branch of the head
	branch   string
	base     string
	sha      string
	state    string // open or closed
	draft    bool
	labels   []string
	created  time.Time
	updated  time.Time
	closed   time.Time
	merged   bool
	mergedBy string
	mergeSHA string
}

// OpenPull opens a pull request and returns its number.
func (f *Forge) OpenPull(repo string, p PullRequest) (int, error) {
	r, err := f.repository(repo)
	if err != nil {
		return 0, fmt.Errorf("open pull request: %w", err)
	}
	head, branch := r, p.Head
	if owner, rest, ok := strings.Cut(p.Head, ":"); ok {
		branch = rest
		if head, err = f.repository(owner + "/" + r.name); err != nil {
			return 0, fmt.Errorf("open pull request: %w", err)
		}
	}
	if p.Base == "" {
		p.Base = DefaultBranch
	}
	sha, err := f.Head(head.fullName(), "refs/heads/"+branch)
	if err != nil {
		return 0, fmt.Errorf("open pull request: %w", err)
	}
	one := f.addPull(r, head, branch, sha, p)
	if err := f.publishHead(r, one); err != nil {
		return 0, err
	}
	return one.number, f.postPull(r, one, "opened", one.login, nil)
}

func (f *Forge) addPull(r, head *repository, branch, sha string, p PullRequest) *pull {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := &pull{
		number: len(r.pulls) + 1, id: f.id(), title: p.Title, body: p.Body, login: p.Login,
		head: head, label: head.owner + ":" + branch, branch: branch, base: p.Base, sha: sha,
		state: "open", draft: p.Draft, labels: slices.Clone(p.Labels), created: f.clock(), updated: f.clock(),
	}
	if one.login == "" {
		one.login = "demo"
	}
	r.pulls = append(r.pulls, one)
	return one
}

// publishHead makes refs/pull/N/head point at the pull request's commit.
func (f *Forge) publishHead(r *repository, p *pull) error {
	f.mu.Lock()
	dir, sha, ref := p.head.dir, p.sha, fmt.Sprintf("refs/pull/%d/head", p.number)
	f.mu.Unlock()
	if dir != r.dir {
		if _, err := f.git(r.dir, nil, "-c", "uploadpack.allowAnySHA1InWant=true", "fetch", "-q", dir, "+"+sha+":"+ref); err != nil {
			return fmt.Errorf("publish %s: %w", ref, err)
		}
		return nil
	}
	if _, err := f.git(r.dir, nil, "update-ref", ref, sha); err != nil {
		return fmt.Errorf("publish %s: %w", ref, err)
	}
	return nil
}

// updatePulls synchronises the open pull requests whose head branch moved.
func (f *Forge) updatePulls(r *repository, login string, after refs) error {
	type moved struct {
		base   *repository
		pull   *pull
		before string
		after  string
	}
	var all []moved
	f.mu.Lock()
	for _, base := range f.repos {
		for _, p := range base.pulls {
			now := after["refs/heads/"+p.branch]
			if p.head == r && p.state == "open" && now != "" && now != p.sha {
				all = append(all, moved{base, p, p.sha, now})
				p.sha, p.updated = now, f.clock()
			}
		}
	}
	f.mu.Unlock()
	for _, m := range all {
		if err := f.publishHead(m.base, m.pull); err != nil {
			return err
		}
		extra := map[string]any{"before": m.before, "after": m.after}
		if err := f.postPull(m.base, m.pull, "synchronize", login, extra); err != nil {
			return err
		}
	}
	return nil
}

// EditPull changes a pull request under login and sends the event of action:
// "labeled", "unlabeled", "edited" (base), "ready_for_review",
// "converted_to_draft", "closed", "reopened".
func (f *Forge) EditPull(repo string, number int, action, value, login string) error {
	r, p, err := f.pull(repo, number)
	if err != nil {
		return err
	}
	api := f.APIURL() + "repos/" + r.fullName()
	f.mu.Lock()
	extra, err := p.edit(api, action, value, f.clock())
	f.mu.Unlock()
	if err != nil {
		return fmt.Errorf("edit pull request %d of %s: %w", number, repo, err)
	}
	return f.postPull(r, p, action, login, extra)
}

// edit applies an action; Forge.mu is held.
func (p *pull) edit(api, action, value string, now time.Time) (map[string]any, error) {
	p.updated = now
	switch action {
	case "labeled":
		p.labels = append(p.labels, value)
		return map[string]any{"label": labelShape(api, value)}, nil
	case "unlabeled":
		p.labels = slices.DeleteFunc(p.labels, func(l string) bool { return l == value })
		return map[string]any{"label": labelShape(api, value)}, nil
	case "edited":
		from := p.base
		p.base = value
		return map[string]any{"changes": map[string]any{"base": map[string]any{"ref": map[string]any{"from": from}, "sha": map[string]any{"from": noCommit}}}}, nil
	case "ready_for_review":
		p.draft = false
	case "converted_to_draft":
		p.draft = true
	case "closed":
		p.state, p.closed = "closed", now
	case "reopened":
		p.state, p.closed = "open", time.Time{}
	default:
		return nil, fmt.Errorf("action %q is not known", action)
	}
	return nil, nil
}

// MergePull merges a pull request of the same repository by a merge commit
// into its base and returns the commit.
func (f *Forge) MergePull(repo string, number int, login string) (string, error) {
	r, p, err := f.pull(repo, number)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	base, sha, open, title := p.base, p.sha, p.state == "open", p.title
	f.mu.Unlock()
	if !open {
		return "", fmt.Errorf("merge pull request %d of %s: it is closed", number, repo)
	}
	var commit string
	err = f.change(r, login, func(before refs) error {
		target := before["refs/heads/"+base]
		if target == "" {
			return errors.New("the base branch is gone")
		}
		commit, err = f.mergeCommit(r, target, sha, "Merge pull request #"+strconv.Itoa(number)+"\n\n"+title)
		if err == nil {
			_, err = f.git(r.dir, nil, "update-ref", "refs/heads/"+base, commit)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("merge pull request %d of %s: %w", number, repo, err)
	}
	f.mu.Lock()
	p.state, p.closed, p.merged, p.mergedBy, p.mergeSHA = "closed", f.clock(), true, login, commit
	f.mu.Unlock()
	return commit, f.postPull(r, p, "closed", login, nil)
}

func (f *Forge) mergeCommit(r *repository, base, head, message string) (string, error) {
	tree, err := f.git(r.dir, nil, "merge-tree", "--write-tree", base, head)
	if err != nil {
		return "", err
	}
	out, err := f.git(r.dir, strings.NewReader(message), "commit-tree", "-p", base, "-p", head, strings.TrimSpace(tree))
	return strings.TrimSpace(out), err
}

func (f *Forge) pull(repo string, number int) (*repository, *pull, error) {
	r, err := f.repository(repo)
	if err != nil {
		return nil, nil, fmt.Errorf("pull request: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < 1 || number > len(r.pulls) {
		return nil, nil, fmt.Errorf("no pull request %d in %s", number, repo)
	}
	return r, r.pulls[number-1], nil
}

func (f *Forge) postPull(r *repository, p *pull, action, login string, extra map[string]any) error {
	if login == "" {
		login = "demo"
	}
	event := map[string]any{
		"action": action, "number": p.number, "pull_request": f.pullShape(r, p),
		"repository": f.repositoryShape(r), "sender": f.userShape(login),
	}
	for key, value := range extra {
		event[key] = value
	}
	return f.post(r, "pull_request", action, event)
}
