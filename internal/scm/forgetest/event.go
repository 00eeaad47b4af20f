package forgetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxCommits is how many commits GitHub lists in one push.
const maxCommits = 2048

// announce sends the events of every branch and tag that changed, then brings
// pull requests up to date.
func (f *Forge) announce(r *repository, login string, before, after refs) error {
	if login == "" {
		login = "demo"
	}
	names := make(map[string]bool)
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		ours := strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/")
		if !ours || before[name] == after[name] {
			continue
		}
		f.mu.Lock()
		r.pushed = f.clock()
		f.mu.Unlock()
		if err := f.announceRef(r, login, name, before, after); err != nil {
			return err
		}
	}
	return f.updatePulls(r, login, after)
}

// announceRef sends create or delete when a ref came or went, and always push.
func (f *Forge) announceRef(r *repository, login, name string, before, after refs) error {
	kind, short := "branch", strings.TrimPrefix(name, "refs/heads/")
	if strings.HasPrefix(name, "refs/tags/") {
		kind, short = "tag", strings.TrimPrefix(name, "refs/tags/")
	}
	event := map[string]any{
		"ref": short, "ref_type": kind, "pusher_type": "user",
		"repository": f.repositoryShape(r), "sender": f.userShape(login),
	}
	switch {
	case before[name] == "":
		event["master_branch"], event["description"] = DefaultBranch, nil
		if err := f.post(r, "create", "", event); err != nil {
			return err
		}
	case after[name] == "":
		if err := f.post(r, "delete", "", event); err != nil {
			return err
		}
	}
	push, err := f.pushShape(r, login, name, before, after)
	if err != nil {
		return err
	}
	return f.post(r, "push", "", push)
}

// pushShape describes one changed ref as GitHub does.
func (f *Forge) pushShape(r *repository, login, name string, before, after refs) (map[string]any, error) {
	old, now := orNone(before[name]), orNone(after[name])
	push := map[string]any{
		"ref": name, "before": old, "after": now,
		"created": old == noCommit, "deleted": now == noCommit, "forced": false,
		"base_ref": nil, "compare": f.URL() + "/" + r.fullName() + "/compare/" + short(old) + "..." + short(now),
		"commits": []any{}, "head_commit": nil,
		"repository": f.pushRepositoryShape(r),
		"pusher":     map[string]any{"name": login, "email": login + "@" + noReply},
		"sender":     f.userShape(login),
	}
	if now == noCommit {
		return push, nil
	}
	head, err := f.commits(r, "-1", now)
	if err != nil || len(head) == 0 {
		return push, err // a tag of something that is no commit has no head commit
	}
	push["head_commit"] = head[0]
	if old != noCommit {
		_, err := f.git(r.dir, nil, "merge-base", "--is-ancestor", old, now)
		push["forced"] = err != nil
	}
	if !strings.HasPrefix(name, "refs/heads/") {
		return push, nil
	}
	list, err := f.commits(r, append([]string{"-" + fmt.Sprint(maxCommits), "--reverse", now, "--not"}, known(before)...)...)
	if err != nil {
		return nil, err
	}
	push["commits"] = list
	return push, nil
}

// known lists the commits that the repository's branches had before.
func known(before refs) []string {
	var out []string
	for name, id := range before {
		if strings.HasPrefix(name, "refs/heads/") && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func orNone(id string) string {
	if id == "" {
		return noCommit
	}
	return id
}

func short(id string) string { return id[:12] }

// commitFields are what git log prints of a commit, each ended by a zero byte.
const commitFields = "%x00%H%x00%T%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%B%x00"

// commits lists commits as a push reports them.
func (f *Forge) commits(r *repository, args ...string) ([]any, error) {
	full := append([]string{"-c", "core.quotePath=false", "log", "--no-renames", "--root", "--name-status", "--format=" + commitFields}, args...)
	out, err := f.git(r.dir, nil, full...)
	if err != nil {
		return nil, fmt.Errorf("list commits: %w", err)
	}
	list := []any{}
	fields := strings.Split(out, "\x00")
	const n = 9 // eight fields and the changed paths
	for i := 1; i+n-1 < len(fields); i += n {
		list = append(list, f.commitShape(r, fields[i:i+n]))
	}
	return list, nil
}

func (f *Forge) commitShape(r *repository, field []string) map[string]any {
	changed := map[string][]any{"A": {}, "D": {}, "M": {}}
	for line := range strings.Lines(field[8]) {
		letter, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			continue
		}
		if letter == "T" {
			letter = "M"
		}
		changed[letter] = append(changed[letter], name)
	}
	return map[string]any{
		"id": field[0], "tree_id": field[1], "distinct": true,
		"message": strings.TrimSuffix(field[7], "\n"), "timestamp": field[4],
		"url":       f.URL() + "/" + r.fullName() + "/commit/" + field[0],
		"author":    f.personShape(r, field[2], field[3]),
		"committer": f.personShape(r, field[5], field[6]),
		"added":     changed["A"], "removed": changed["D"], "modified": changed["M"],
	}
}

// personShape adds the login when the address belongs to one.
func (f *Forge) personShape(r *repository, name, email string) map[string]any {
	person := map[string]any{"name": name, "email": email}
	f.mu.Lock()
	login := r.emails[email]
	f.mu.Unlock()
	if before, ok := strings.CutSuffix(email, "@"+noReply); ok && login == "" {
		login = before
	}
	if login != "" {
		person["username"] = login
	}
	return person
}

// SetEmail says which login an address in commits belongs to.
func (f *Forge) SetEmail(repo, email, login string) error {
	r, err := f.repository(repo)
	if err != nil {
		return fmt.Errorf("set email: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.emails[email] = login
	return nil
}
