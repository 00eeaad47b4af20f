package forgetest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Comment is one comment under an issue or pull request.
type Comment struct {
	ID     int64
	Number int
	Login  string
	Body   string
	Edits  int
	// Reactions are those that it has, each once, such as "+1".
	Reactions []string
	Created   time.Time
	Updated   time.Time
}

// Comments returns the comments under a pull request, oldest first.
func (f *Forge) Comments(repo string, number int) ([]Comment, error) {
	r, err := f.repository(repo)
	if err != nil {
		return nil, fmt.Errorf("comments: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Comment
	for _, c := range r.comments {
		if c.Number == number {
			out = append(out, *c)
		}
	}
	return out, nil
}

// Comment writes a comment as a person does, webhook included.
func (f *Forge) Comment(repo string, number int, body, login string) (int64, error) {
	r, p, err := f.pull(repo, number)
	if err != nil {
		return 0, err
	}
	c := f.addComment(r, number, body, login)
	return c.ID, f.post(r, "issue_comment", "created", map[string]any{
		"action": "created", "issue": f.issueShape(r, p), "comment": f.commentShape(r, c),
		"repository": f.repositoryShape(r), "sender": f.userShape(login),
	})
}

func (f *Forge) addComment(r *repository, number int, body, login string) Comment {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &Comment{ID: f.id(), Number: number, Login: login, Body: body, Created: f.clock(), Updated: f.clock()}
	r.comments = append(r.comments, c)
	return *c
}

func (f *Forge) commentShape(r *repository, c Comment) map[string]any {
	api := f.APIURL() + "repos/" + r.fullName()
	return map[string]any{
		"url": fmt.Sprintf("%s/issues/comments/%d", api, c.ID), "issue_url": fmt.Sprintf("%s/issues/%d", api, c.Number),
		"html_url": fmt.Sprintf("%s/%s/pull/%d#issuecomment-%d", f.URL(), r.fullName(), c.Number, c.ID),
		"id":       c.ID, "node_id": nodeID("IssueComment", c.ID), "user": f.userShape(c.Login), "body": c.Body,
		"created_at": stamp(c.Created), "updated_at": stamp(c.Updated), "author_association": "CONTRIBUTOR",
	}
}

// issueShape is a pull request as issue events show it.
func (f *Forge) issueShape(r *repository, p *pull) map[string]any {
	full := f.pullShape(r, p)
	issue := map[string]any{}
	for _, key := range []string{
		"id", "node_id", "html_url", "number", "title", "user", "labels", "state", "locked", "assignee", "assignees",
		"milestone", "comments", "created_at", "updated_at", "closed_at", "author_association", "body", "active_lock_reason", "draft",
	} {
		issue[key] = full[key]
	}
	url := full["issue_url"].(string)
	issue["url"], issue["repository_url"] = url, f.APIURL()+"repos/"+r.fullName()
	issue["labels_url"], issue["comments_url"], issue["events_url"] = url+"/labels{/name}", url+"/comments", url+"/events"
	issue["pull_request"] = map[string]any{
		"url": full["url"], "html_url": full["html_url"], "diff_url": full["diff_url"], "patch_url": full["patch_url"],
	}
	return issue
}

func listPulls(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	q := r.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	f.mu.Lock()
	pulls := slices.Clone(repo.pulls)
	f.mu.Unlock()
	out := []any{}
	for _, p := range slices.Backward(pulls) {
		shape := f.pullShape(repo, p)
		head, base := shape["head"].(map[string]any), shape["base"].(map[string]any)
		if (state != "all" && shape["state"] != state) || (q.Get("head") != "" && head["label"] != q.Get("head")) || (q.Get("base") != "" && base["ref"] != q.Get("base")) {
			continue
		}
		out = append(out, shape)
	}
	return http.StatusOK, out, nil
}

func createPull(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	var in struct {
		Title string `json:"title"`
		Body  string `json:"body"`
		Head  string `json:"head"`
		Base  string `json:"base"`
		Draft bool   `json:"draft"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	number, err := f.OpenPull(repo.fullName(), PullRequest{Title: in.Title, Body: in.Body, Head: in.Head, Base: in.Base, Draft: in.Draft})
	if err != nil {
		return 0, nil, unprocessable("%v", err)
	}
	_, p, err := f.pull(repo.fullName(), number)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, f.pullShape(repo, p), nil
}

func pathPull(f *Forge, repo *repository, r *http.Request) (*pull, error) {
	number, err := pathID(r, "number")
	if err != nil {
		return nil, err
	}
	_, p, err := f.pull(repo.fullName(), int(number))
	if err != nil {
		return nil, notFound()
	}
	return p, nil
}

func getPull(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	p, err := pathPull(f, repo, r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, f.pullShape(repo, p), nil
}

func listComments(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	p, err := pathPull(f, repo, r)
	if err != nil {
		return 0, nil, err
	}
	list, err := f.Comments(repo.fullName(), p.number)
	if err != nil {
		return 0, nil, err
	}
	out := []any{}
	for _, c := range list {
		out = append(out, f.commentShape(repo, c))
	}
	return http.StatusOK, out, nil
}

func readComment(r *http.Request) (string, error) {
	var in struct {
		Body string `json:"body"`
	}
	if err := read(r, &in); err != nil {
		return "", err
	}
	if strings.TrimSpace(in.Body) == "" {
		return "", unprocessable("body can't be blank")
	}
	return in.Body, nil
}

func createComment(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	p, err := pathPull(f, repo, r)
	if err != nil {
		return 0, nil, err
	}
	body, err := readComment(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, f.commentShape(repo, f.addComment(repo, p.number, body, "slipway")), nil
}

func commentID(c *Comment) int64 { return c.ID }

func getComment(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	return changeComment(f, repo, r, func(*Comment) {})
}

func updateComment(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	body, err := readComment(r)
	if err != nil {
		return 0, nil, err
	}
	return changeComment(f, repo, r, func(c *Comment) {
		c.Body, c.Updated = body, f.clock()
		c.Edits++
	})
}

func changeComment(f *Forge, repo *repository, r *http.Request, change func(*Comment)) (int, any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	c, err := find(repo.comments, id, commentID)
	if err != nil {
		f.mu.Unlock()
		return 0, nil, err
	}
	change(c)
	one := *c
	f.mu.Unlock()
	return http.StatusOK, f.commentShape(repo, one), nil
}

func deleteComment(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := find(repo.comments, id, commentID); err != nil {
		return 0, nil, err
	}
	repo.comments = slices.DeleteFunc(repo.comments, func(c *Comment) bool { return c.ID == id })
	return http.StatusNoContent, nil, nil
}

// createReaction adds a reaction to a comment, or gives back the one that is there.
func createReaction(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Content string `json:"content"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c, err := find(repo.comments, id, commentID)
	if err != nil {
		return 0, nil, err
	}
	status := http.StatusOK
	if !slices.Contains(c.Reactions, in.Content) {
		c.Reactions, status = append(slices.Clone(c.Reactions), in.Content), http.StatusCreated
	}
	return status, map[string]any{"id": id, "content": in.Content}, nil
}
