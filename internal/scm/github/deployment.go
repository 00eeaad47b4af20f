package github

import (
	"context"
	"encoding/json"
	"strconv"

	api "github.com/google/go-github/v62/github"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// payload is what a deployment at GitHub remembers of ours.
type payload struct {
	Release string `json:"release"`
}

// SetDeployment makes the deployment of a release, unless it is there, and
// sets its state.
func (r *Reporter) SetDeployment(ctx context.Context, d scm.Deployment) (string, error) {
	const operation = "set the deployment"
	owner, name, err := split(d.Repository)
	if err != nil {
		return "", err
	}
	id, err := r.deploymentID(ctx, owner, name, d)
	if err != nil {
		return "", r.coded(operation, err)
	}
	description := scm.Describe(d.Description, scm.MaxDescription)
	status := &api.DeploymentStatusRequest{
		State: api.String(deploymentState(d.Phase)), Description: &description,
		Environment: &d.Stage, AutoInactive: api.Bool(true),
	}
	if d.URL != "" {
		status.EnvironmentURL = &d.URL
	}
	if d.LogURL != "" {
		status.LogURL = &d.LogURL
	}
	_, _, err = r.client.Repositories.CreateDeploymentStatus(ctx, owner, name, id, status)
	return strconv.FormatInt(id, 10), r.coded(operation, err)
}

// deploymentID returns the id that is known, or that of a deployment of the
// same release, or that of a new one.
func (r *Reporter) deploymentID(ctx context.Context, owner, name string, d scm.Deployment) (int64, error) {
	if d.ID != "" {
		id, err := strconv.ParseInt(d.ID, 10, 64)
		if err != nil {
			return 0, fault.New(fault.Invalid, "%q is not the id of a deployment at GitHub", d.ID)
		}
		return id, nil
	}
	commit, err := scm.FullCommit("make the deployment", d.Commit)
	if err != nil {
		return 0, err
	}
	options := &api.DeploymentsListOptions{SHA: commit, Environment: d.Stage, ListOptions: api.ListOptions{PerPage: 100}}
	known, _, err := r.client.Repositories.ListDeployments(ctx, owner, name, options)
	if err != nil {
		return 0, err
	}
	for _, deployment := range known {
		var p payload
		if json.Unmarshal(deployment.Payload, &p) == nil && p.Release == d.Release {
			return deployment.GetID(), nil
		}
	}
	made, _, err := r.client.Repositories.CreateDeployment(ctx, owner, name, &api.DeploymentRequest{
		Ref: &commit, Environment: &d.Stage, Payload: payload{d.Release},
		AutoMerge: api.Bool(false), RequiredContexts: &[]string{}, // Slipway's own gates decide
		TransientEnvironment: &d.Preview, ProductionEnvironment: &d.Protected,
	})
	if err != nil {
		return 0, err
	}
	return made.GetID(), nil
}

func deploymentState(phase scm.Phase) string {
	switch phase {
	case scm.PhaseQueued:
		return "queued"
	case scm.PhaseRunning:
		return "in_progress"
	case scm.PhaseLive:
		return "success"
	case scm.PhaseGone:
		return "inactive"
	}
	return "failure"
}
