package gitlab

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

// SetDeployment makes the deployment, unless one of the commit is under way,
// and sets its state. GitLab keeps no name of ours with it, and nothing can be
// changed once it has ended.
func (r *Reporter) SetDeployment(ctx context.Context, d scm.Deployment) (string, error) {
	const operation = "set the deployment"
	repository, err := checked(d.Repository)
	if err != nil {
		return "", err
	}
	status := deploymentState(d.Phase)
	id, fresh, err := r.deploymentID(ctx, operation, repository, d, status)
	if err != nil {
		return "", err
	}
	if !fresh && status != api.DeploymentStatusCreated {
		options := &api.UpdateProjectDeploymentOptions{Status: &status}
		_, resp, err := r.client.Deployments.UpdateProjectDeployment(repository, id, options, api.WithContext(ctx))
		ended := resp != nil && resp.Response != nil && resp.StatusCode == http.StatusBadRequest
		if err != nil && !ended {
			return "", r.coded(operation, resp, err)
		}
	}
	return strconv.FormatInt(id, 10), nil
}

// deploymentID returns the id that is known, or that of a deployment under
// way, or that of a fresh one that has the status.
func (r *Reporter) deploymentID(ctx context.Context, operation, repository string, d scm.Deployment, status api.DeploymentStatusValue) (id int64, fresh bool, err error) {
	if d.ID != "" {
		id, err := strconv.ParseInt(d.ID, 10, 64)
		if err != nil {
			return 0, false, fault.New(fault.Invalid, "%q is not the id of a deployment at GitLab", printable.Clip(d.ID, 64))
		}
		return id, false, nil
	}
	commit, err := scm.FullCommit(operation, d.Commit)
	if err != nil {
		return 0, false, err
	}
	newest, descending := "id", "desc"
	list := &api.ListProjectDeploymentsOptions{ListOptions: api.ListOptions{PerPage: 20}, Environment: &d.Stage, OrderBy: &newest, Sort: &descending}
	known, resp, err := r.client.Deployments.ListProjectDeployments(repository, list, api.WithContext(ctx))
	if err != nil {
		return 0, false, r.coded(operation, resp, err)
	}
	for _, deployment := range known {
		if deployment.SHA == commit && (deployment.Status == "created" || deployment.Status == "running") {
			return deployment.ID, false, nil
		}
	}
	ref, tag := refOf(d.Ref)
	create := &api.CreateProjectDeploymentOptions{Environment: &d.Stage, Ref: &ref, SHA: &commit, Tag: &tag, Status: &status}
	made, resp, err := r.client.Deployments.CreateProjectDeployment(repository, create, api.WithContext(ctx))
	if err != nil {
		return 0, false, r.coded(operation, resp, err)
	}
	return made.ID, true, nil
}

// refOf splits a full ref into GitLab's short name and whether it is a tag.
func refOf(ref string) (name string, tag bool) {
	if name, tag = strings.CutPrefix(ref, scm.TagPrefix); tag {
		return name, true
	}
	return strings.TrimPrefix(ref, scm.BranchPrefix), false
}

func deploymentState(phase scm.Phase) api.DeploymentStatusValue {
	switch phase {
	case scm.PhaseQueued:
		return api.DeploymentStatusCreated
	case scm.PhaseRunning:
		return api.DeploymentStatusRunning
	case scm.PhaseLive:
		return api.DeploymentStatusSuccess
	case scm.PhaseGone:
		return api.DeploymentStatusCanceled
	}
	return api.DeploymentStatusFailed
}
