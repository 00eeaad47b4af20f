package forgetest

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// Shapes are GitHub's JSON objects, with the keys that its payloads carry.

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// userID gives a login the same number in every process.
func userID(login string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(login)) // never fails
	return int64(h.Sum32())
}

func nodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "0%d:%s%d", len(kind), kind, id))
}

func (f *Forge) userShape(login string) map[string]any {
	api := f.APIURL() + "users/" + login
	return map[string]any{
		"login": login, "id": userID(login), "node_id": nodeID("User", userID(login)),
		"avatar_url": f.URL() + "/avatars/" + login, "gravatar_id": "",
		"url": api, "html_url": f.URL() + "/" + login,
		"followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}",
		"subscriptions_url": api + "/subscriptions", "organizations_url": api + "/orgs",
		"repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": "User", "site_admin": false,
	}
}

// repositoryShape is a repository as in most payloads and in the API.
func (f *Forge) repositoryShape(r *repository) map[string]any {
	f.mu.Lock()
	id, pushed, isFork, open := r.id, r.pushed, r.fork != nil, r.openPulls()
	f.mu.Unlock()
	api, html := f.APIURL()+"repos/"+r.fullName(), f.URL()+"/"+r.fullName()
	shape := map[string]any{
		"id": id, "node_id": nodeID("Repository", id), "name": r.name, "full_name": r.fullName(),
		"private": true, "owner": f.userShape(r.owner), "html_url": html, "description": Canary, "fork": isFork, "url": api,
		"created_at": stamp(r.created), "updated_at": stamp(pushed), "pushed_at": stamp(pushed),
		"git_url": "git://" + r.fullName() + ".git", "ssh_url": "git@localhost:" + r.fullName() + ".git",
		"clone_url": html + ".git", "svn_url": html, "homepage": nil, "size": 0,
		"stargazers_count": 0, "watchers_count": 0, "language": "Go",
		"has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false,
		"forks_count": 0, "mirror_url": nil, "archived": false, "disabled": false, "open_issues_count": open,
		"license": nil, "forks": 0, "open_issues": open, "watchers": 0, "default_branch": DefaultBranch,
		"is_template": false, "topics": []any{}, "visibility": "private", "web_commit_signoff_required": false,
	}
	for key, suffix := range apiSuffixes() {
		shape[key] = api + suffix
	}
	return shape
}

// Canary is part of every webhook's body, and of nothing else: whoever shows
// it shows bodies.
const Canary = "canary-in-the-body-of-a-delivery"

// apiSuffixes are the addresses that a repository lists of itself.
func apiSuffixes() map[string]string {
	return map[string]string{
		"forks_url": "/forks", "keys_url": "/keys{/key_id}", "collaborators_url": "/collaborators{/collaborator}",
		"teams_url": "/teams", "hooks_url": "/hooks", "issue_events_url": "/issues/events{/number}", "events_url": "/events",
		"assignees_url": "/assignees{/user}", "branches_url": "/branches{/branch}", "tags_url": "/tags",
		"blobs_url": "/git/blobs{/sha}", "git_tags_url": "/git/tags{/sha}", "git_refs_url": "/git/refs{/sha}",
		"trees_url": "/git/trees{/sha}", "statuses_url": "/statuses/{sha}", "languages_url": "/languages",
		"stargazers_url": "/stargazers", "contributors_url": "/contributors", "subscribers_url": "/subscribers",
		"subscription_url": "/subscription", "commits_url": "/commits{/sha}", "git_commits_url": "/git/commits{/sha}",
		"comments_url": "/comments{/number}", "issue_comment_url": "/issues/comments{/number}",
		"contents_url": "/contents/{+path}", "compare_url": "/compare/{base}...{head}", "merges_url": "/merges",
		"archive_url": "/{archive_format}{/ref}", "downloads_url": "/downloads", "issues_url": "/issues{/number}",
		"pulls_url": "/pulls{/number}", "milestones_url": "/milestones{/number}",
		"notifications_url": "/notifications{?since,all,participating}", "labels_url": "/labels{/name}",
		"releases_url": "/releases{/id}", "deployments_url": "/deployments",
	}
}

// pushRepositoryShape is a repository as in push payloads, which differ.
func (f *Forge) pushRepositoryShape(r *repository) map[string]any {
	shape := f.repositoryShape(r)
	f.mu.Lock()
	pushed := r.pushed
	f.mu.Unlock()
	owner := f.userShape(r.owner)
	owner["name"], owner["email"] = r.owner, r.owner+"@"+noReply
	shape["owner"] = owner
	shape["url"] = f.URL() + "/" + r.fullName()
	shape["created_at"], shape["pushed_at"] = r.created.Unix(), pushed.Unix()
	shape["stargazers"], shape["master_branch"] = 0, DefaultBranch
	return shape
}

// openPulls counts open pull requests; Forge.mu is held.
func (r *repository) openPulls() int {
	n := 0
	for _, p := range r.pulls {
		if p.state == "open" {
			n++
		}
	}
	return n
}

// pullShape is a pull request as in payloads and in the API.
func (f *Forge) pullShape(r *repository, p *pull) map[string]any {
	f.mu.Lock()
	one := *p
	f.mu.Unlock()
	api, html := f.APIURL()+"repos/"+r.fullName(), f.URL()+"/"+r.fullName()
	pull := fmt.Sprintf("%s/pulls/%d", api, one.number)
	issue := fmt.Sprintf("%s/issues/%d", api, one.number)
	page := fmt.Sprintf("%s/pull/%d", html, one.number)
	shape := map[string]any{
		"url": pull, "id": one.id, "node_id": nodeID("PullRequest", one.id),
		"html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "issue_url": issue,
		"number": one.number, "state": one.state, "locked": false, "title": one.title, "user": f.userShape(one.login),
		"body": orNull(one.body), "created_at": stamp(one.created), "updated_at": stamp(one.updated),
		"closed_at": stampOrNull(one.closed), "merged_at": nil, "merge_commit_sha": orNull(one.mergeSHA),
		"assignee": nil, "assignees": []any{}, "requested_reviewers": []any{}, "requested_teams": []any{},
		"labels": f.labelShapes(r, one.labels), "milestone": nil,
		"commits_url": pull + "/commits", "review_comments_url": pull + "/comments",
		"review_comment_url": api + "/pulls/comments{/number}", "comments_url": issue + "/comments",
		"statuses_url": api + "/statuses/" + one.sha,
		"head":         f.sideShape(one.label, one.branch, one.sha, one.head),
		"base":         f.sideShape(r.owner+":"+one.base, one.base, f.baseCommit(r, one.base), r),
		"_links":       linkShapes(pull, issue, page, api, one.sha),

		"author_association": "CONTRIBUTOR", "auto_merge": nil, "active_lock_reason": nil,
		"draft": one.draft, "merged": one.merged, "mergeable": nil, "rebaseable": nil, "mergeable_state": "unknown",
		"merged_by": nil, "comments": 0, "review_comments": 0, "maintainer_can_modify": false,
		"commits": 1, "additions": 1, "deletions": 0, "changed_files": 1,
	}
	if one.merged {
		shape["merged_at"], shape["merged_by"] = stamp(one.closed), f.userShape(one.mergedBy)
	}
	return shape
}

// sideShape is the head or base of a pull request. A deleted fork's repository
// and user are null.
func (f *Forge) sideShape(label, ref, sha string, r *repository) map[string]any {
	shape := map[string]any{"label": label, "ref": ref, "sha": sha, "user": nil, "repo": nil}
	if r != nil {
		shape["user"], shape["repo"] = f.userShape(r.owner), f.repositoryShape(r)
	}
	return shape
}

func (f *Forge) baseCommit(r *repository, branch string) string {
	out, err := f.git(r.dir, nil, "rev-parse", "-q", "--verify", "refs/heads/"+branch)
	if err != nil {
		return noCommit // the branch is gone
	}
	return strings.TrimSpace(out)
}

func linkShapes(pull, issue, page, api, sha string) map[string]any {
	link := func(to string) map[string]any { return map[string]any{"href": to} }
	return map[string]any{
		"self": link(pull), "html": link(page), "issue": link(issue), "comments": link(issue + "/comments"),
		"review_comments": link(pull + "/comments"), "review_comment": link(api + "/pulls/comments{/number}"),
		"commits": link(pull + "/commits"), "statuses": link(api + "/statuses/" + sha),
	}
}

func (f *Forge) labelShapes(r *repository, names []string) []any {
	list := []any{}
	for _, name := range names {
		list = append(list, labelShape(f.APIURL()+"repos/"+r.fullName(), name))
	}
	return list
}

func labelShape(api, name string) map[string]any {
	id := userID("label " + name)
	return map[string]any{
		"id": id, "node_id": nodeID("Label", id), "url": api + "/labels/" + name,
		"name": name, "color": "ededed", "default": false, "description": "",
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}
