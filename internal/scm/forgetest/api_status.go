package forgetest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Status is one commit status.
type Status struct {
	ID          int64
	State       string // error, failure, pending or success
	Context     string
	Description string
	TargetURL   string
	At          time.Time
}

// maxDescription is where GitHub refuses a status.
const maxDescription = 140

// Statuses returns the statuses set on a commit, newest first.
func (f *Forge) Statuses(repo, commit string) ([]Status, error) {
	r, err := f.repository(repo)
	if err != nil {
		return nil, fmt.Errorf("statuses: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(r.statuses[commit]), nil
}

// SetStatus sets a status as another program does, webhook included.
func (f *Forge) SetStatus(repo, commit, context, state, login string) error {
	r, err := f.repository(repo)
	if err != nil {
		return fmt.Errorf("set status: %w", err)
	}
	s := f.addStatus(r, commit, Status{State: state, Context: context})
	event := f.statusShape(r, commit, s)
	event["sha"], event["name"], event["branches"] = commit, r.fullName(), []any{}
	event["repository"], event["sender"] = f.repositoryShape(r), f.userShape(login)
	return f.post(r, "status", "", event)
}

func (f *Forge) addStatus(r *repository, commit string, s Status) Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.ID, s.At = f.id(), f.clock()
	r.statuses[commit] = slices.Insert(r.statuses[commit], 0, s)
	return s
}

func createStatus(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	var in struct {
		State       string `json:"state"`
		Context     string `json:"context"`
		Description string `json:"description"`
		TargetURL   string `json:"target_url"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	sha := r.PathValue("sha")
	if _, err := f.git(repo.dir, nil, "cat-file", "-e", sha+"^{commit}"); err != nil || len(sha) != len(noCommit) {
		return 0, nil, unprocessable("No commit found for SHA: %s", sha)
	}
	switch {
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State):
		return 0, nil, unprocessable("state %q is not included in the list", in.State)
	case len([]rune(in.Description)) > maxDescription:
		return 0, nil, unprocessable("description is too long (maximum is %d characters)", maxDescription)
	}
	if in.Context == "" {
		in.Context = "default"
	}
	s := f.addStatus(repo, sha, Status{State: in.State, Context: in.Context, Description: in.Description, TargetURL: in.TargetURL})
	return http.StatusCreated, f.statusShape(repo, sha, s), nil
}

func (f *Forge) statusShape(r *repository, sha string, s Status) map[string]any {
	return map[string]any{
		"url": f.APIURL() + "repos/" + r.fullName() + "/statuses/" + sha, "avatar_url": f.URL() + "/avatars/slipway",
		"id": s.ID, "node_id": nodeID("StatusContext", s.ID), "state": s.State, "description": orNull(s.Description),
		"target_url": orNull(s.TargetURL), "context": s.Context, "created_at": stamp(s.At), "updated_at": stamp(s.At),
		"creator": f.userShape("slipway"),
	}
}

// statusesOf returns a ref's commit and its statuses.
func (f *Forge) statusesOf(repo *repository, r *http.Request) (string, []Status, error) {
	sha, err := f.Head(repo.fullName(), r.PathValue("ref"))
	if err != nil {
		return "", nil, notFound()
	}
	list, err := f.Statuses(repo.fullName(), sha)
	return sha, list, err
}

func listStatuses(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	sha, list, err := f.statusesOf(repo, r)
	if err != nil {
		return 0, nil, err
	}
	out := []any{}
	for _, s := range list {
		out = append(out, f.statusShape(repo, sha, s))
	}
	return http.StatusOK, out, nil
}

// combinedStatus takes the newest status of each context.
func combinedStatus(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	sha, list, err := f.statusesOf(repo, r)
	if err != nil {
		return 0, nil, err
	}
	seen := make(map[string]bool)
	states := make(map[string]bool)
	out := []any{}
	for _, s := range list {
		if seen[s.Context] {
			continue
		}
		seen[s.Context] = true
		states[s.State] = true
		out = append(out, f.statusShape(repo, sha, s))
	}
	state := "success"
	switch {
	case states["failure"] || states["error"]:
		state = "failure"
	case states["pending"] || len(out) == 0:
		state = "pending"
	}
	api := f.APIURL() + "repos/" + repo.fullName()
	return http.StatusOK, map[string]any{
		"state": state, "statuses": out, "sha": sha, "total_count": len(out), "repository": f.repositoryShape(repo),
		"commit_url": api + "/commits/" + sha, "url": api + "/commits/" + sha + "/status",
	}, nil
}
