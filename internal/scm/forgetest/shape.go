package forgetest

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
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
