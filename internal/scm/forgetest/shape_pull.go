package forgetest

import (
	"fmt"
	"strings"
	"time"
)

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
