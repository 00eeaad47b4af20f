package forgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Deployment is a deployment recorded at the forge.
type Deployment struct {
	ID          int64
	Commit      string
	Ref         string
	Task        string
	Environment string
	Description string
	Payload     json.RawMessage
	Created     time.Time
	Statuses    []DeploymentStatus // newest first
}

// DeploymentStatus is how a deployment stood at a moment.
type DeploymentStatus struct {
	ID             int64
	State          string
	Description    string
	LogURL         string
	EnvironmentURL string
	At             time.Time
}

// Deployments returns the recorded deployments, newest first.
func (f *Forge) Deployments(repo string) ([]Deployment, error) {
	r, err := f.repository(repo)
	if err != nil {
		return nil, fmt.Errorf("deployments: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Deployment
	for _, d := range r.deployments {
		one := *d
		one.Statuses = slices.Clone(d.Statuses)
		out = append(out, one)
	}
	return out, nil
}

func (f *Forge) deploymentShape(r *repository, d Deployment) map[string]any {
	api := f.APIURL() + "repos/" + r.fullName()
	url := fmt.Sprintf("%s/deployments/%d", api, d.ID)
	payload := d.Payload
	if payload == nil {
		payload = json.RawMessage("{}")
	}
	return map[string]any{
		"url": url, "id": d.ID, "node_id": nodeID("Deployment", d.ID), "sha": d.Commit, "ref": d.Ref, "task": d.Task,
		"payload": payload, "original_environment": d.Environment, "environment": d.Environment,
		"description": orNull(d.Description), "creator": f.userShape("slipway"),
		"created_at": stamp(d.Created), "updated_at": stamp(d.Created),
		"statuses_url": url + "/statuses", "repository_url": api,
		"transient_environment": false, "production_environment": false,
	}
}

func (f *Forge) deploymentStatusShape(r *repository, d Deployment, s DeploymentStatus) map[string]any {
	api := f.APIURL() + "repos/" + r.fullName()
	url := fmt.Sprintf("%s/deployments/%d", api, d.ID)
	return map[string]any{
		"url": fmt.Sprintf("%s/statuses/%d", url, s.ID), "id": s.ID, "node_id": nodeID("DeploymentStatus", s.ID),
		"state": s.State, "creator": f.userShape("slipway"), "description": s.Description, "environment": d.Environment,
		"target_url": s.LogURL, "log_url": s.LogURL, "environment_url": s.EnvironmentURL,
		"created_at": stamp(s.At), "updated_at": stamp(s.At), "deployment_url": url, "repository_url": api,
	}
}

func listDeployments(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	list, err := f.Deployments(repo.fullName())
	if err != nil {
		return 0, nil, err
	}
	q := r.URL.Query()
	out := []any{}
	for _, d := range list {
		if differs(q.Get("sha"), d.Commit) || differs(q.Get("ref"), d.Ref) || differs(q.Get("environment"), d.Environment) || differs(q.Get("task"), d.Task) {
			continue
		}
		out = append(out, f.deploymentShape(repo, d))
	}
	return http.StatusOK, out, nil
}

// differs says whether a filter that was given excludes a value.
func differs(filter, value string) bool { return filter != "" && filter != value }

func createDeployment(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	var in struct {
		Ref         string          `json:"ref"`
		Task        string          `json:"task"`
		Environment string          `json:"environment"`
		Description string          `json:"description"`
		Payload     json.RawMessage `json:"payload"`
		AutoMerge   *bool           `json:"auto_merge"`
		Contexts    *[]string       `json:"required_contexts"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	commit, err := f.Head(repo.fullName(), in.Ref)
	if err != nil {
		return 0, nil, unprocessable("No ref found for: %s", in.Ref)
	}
	if err := f.gateDeployment(repo, commit, in.Contexts); err != nil {
		return 0, nil, err
	}
	if in.Environment == "" {
		in.Environment = "production"
	}
	if in.Task == "" {
		in.Task = "deploy"
	}
	f.mu.Lock()
	d := &Deployment{
		ID: f.id(), Commit: commit, Ref: in.Ref, Task: in.Task, Environment: in.Environment,
		Description: in.Description, Payload: in.Payload, Created: f.clock(),
	}
	repo.deployments = slices.Insert(repo.deployments, 0, d)
	one := *d
	f.mu.Unlock()
	return http.StatusCreated, f.deploymentShape(repo, one), nil
}

// gateDeployment refuses a deployment while statuses of the commit are not
// green, as GitHub does unless required_contexts is an empty list.
func (f *Forge) gateDeployment(repo *repository, commit string, contexts *[]string) error {
	if contexts != nil && len(*contexts) == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := make(map[string]bool)
	for _, s := range repo.statuses[commit] {
		wanted := contexts == nil || slices.Contains(*contexts, s.Context)
		if !seen[s.Context] && wanted && s.State != "success" {
			return &apiError{http.StatusConflict, "Conflict: Commit status checks failed for " + commit + "."}
		}
		seen[s.Context] = true
	}
	return nil
}

func deploymentID(d *Deployment) int64 { return d.ID }

// deployment finds the one in the path.
func (f *Forge) deployment(repo *repository, r *http.Request) (Deployment, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return Deployment{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d, err := find(repo.deployments, id, deploymentID)
	if err != nil {
		return Deployment{}, err
	}
	one := *d
	one.Statuses = slices.Clone(d.Statuses)
	return one, nil
}

func getDeployment(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	d, err := f.deployment(repo, r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, f.deploymentShape(repo, d), nil
}

func listDeploymentStatuses(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	d, err := f.deployment(repo, r)
	if err != nil {
		return 0, nil, err
	}
	out := []any{}
	for _, s := range d.Statuses {
		out = append(out, f.deploymentStatusShape(repo, d, s))
	}
	return http.StatusOK, out, nil
}

func createDeploymentStatus(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	var in struct {
		State          string `json:"state"`
		Description    string `json:"description"`
		LogURL         string `json:"log_url"`
		EnvironmentURL string `json:"environment_url"`
	}
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	states := []string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}
	if !slices.Contains(states, in.State) {
		return 0, nil, unprocessable("state %q is not included in the list", in.State)
	}
	if len([]rune(in.Description)) > maxDescription {
		return 0, nil, unprocessable("description is too long (maximum is %d characters)", maxDescription)
	}
	d, err := f.deployment(repo, r)
	if err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	s := DeploymentStatus{ID: f.id(), State: in.State, Description: in.Description, LogURL: in.LogURL, EnvironmentURL: in.EnvironmentURL, At: f.clock()}
	stored, err := find(repo.deployments, d.ID, deploymentID)
	if err == nil {
		stored.Statuses = slices.Insert(stored.Statuses, 0, s)
	}
	f.mu.Unlock()
	return http.StatusCreated, f.deploymentStatusShape(repo, d, s), err
}
