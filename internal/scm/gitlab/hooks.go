package gitlab

import (
	"context"
	"slices"
	"strconv"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

// GitLab's names for what a hook is sent.
const (
	eventPush         = "push_events"
	eventTag          = "tag_push_events"
	eventMergeRequest = "merge_requests_events"
	eventNote         = "note_events"
	eventPipeline     = "pipeline_events"
	eventJob          = "job_events"
)

// ListHooks returns the repository's hooks.
func (r *Reporter) ListHooks(ctx context.Context, repository string) ([]scm.Hook, error) {
	const operation = "list the hooks"
	path, err := checked(repository)
	if err != nil {
		return nil, err
	}
	var hooks []scm.Hook
	options := &api.ListProjectHooksOptions{ListOptions: api.ListOptions{PerPage: 100}}
	for range maxPages {
		page, resp, err := r.client.Projects.ListProjectHooks(path, options, api.WithContext(ctx))
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		for _, hook := range page {
			hooks = append(hooks, neutralHook(hook))
		}
		if resp.NextPage == 0 {
			break
		}
		options.Page = resp.NextPage
	}
	return hooks, nil
}

// CreateHook makes a hook. GitLab has no inactive ones.
func (r *Reporter) CreateHook(ctx context.Context, repository string, h scm.Hook) (scm.Hook, error) {
	path, err := checked(repository)
	if err != nil {
		return scm.Hook{}, err
	}
	wanted, err := hookOf(h)
	if err != nil {
		return scm.Hook{}, err
	}
	made, resp, err := r.client.Projects.AddProjectHook(path, (*api.AddProjectHookOptions)(wanted), api.WithContext(ctx))
	if err != nil {
		return scm.Hook{}, r.coded("make the hook", resp, err)
	}
	return neutralHook(made), nil
}

// UpdateHook makes the hook as h says.
func (r *Reporter) UpdateHook(ctx context.Context, repository string, h scm.Hook) error {
	path, err := checked(repository)
	if err != nil {
		return err
	}
	id, err := hookID(h.ID)
	if err != nil {
		return err
	}
	wanted, err := hookOf(h)
	if err != nil {
		return err
	}
	_, resp, err := r.client.Projects.EditProjectHook(path, id, wanted, api.WithContext(ctx))
	return r.coded("change the hook", resp, err)
}

// DeleteHook removes a hook.
func (r *Reporter) DeleteHook(ctx context.Context, repository, hook string) error {
	path, err := checked(repository)
	if err != nil {
		return err
	}
	id, err := hookID(hook)
	if err != nil {
		return err
	}
	resp, err := r.client.Projects.DeleteProjectHook(path, id, api.WithContext(ctx))
	if err = r.coded("delete the hook", resp, err); fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func hookOf(h scm.Hook) (*api.EditProjectHookOptions, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	events := h.Events
	if len(events) == 0 {
		events = []string{eventPush, eventTag, eventMergeRequest, eventNote, eventPipeline, eventJob}
	}
	sent := func(event string) *bool { return new(slices.Contains(events, event)) }
	return &api.EditProjectHookOptions{
		URL: &h.URL, Token: &h.Secret, EnableSSLVerification: new(true),
		PushEvents: sent(eventPush), TagPushEvents: sent(eventTag), MergeRequestsEvents: sent(eventMergeRequest),
		NoteEvents: sent(eventNote), PipelineEvents: sent(eventPipeline), JobEvents: sent(eventJob),
	}, nil
}

func neutralHook(hook *api.ProjectHook) scm.Hook {
	neutral := scm.Hook{ID: strconv.FormatInt(hook.ID, 10), URL: hook.URL, Active: hook.AlertStatus != "disabled"}
	for _, event := range []struct {
		name string
		sent bool
	}{
		{eventPush, hook.PushEvents}, {eventTag, hook.TagPushEvents}, {eventMergeRequest, hook.MergeRequestsEvents},
		{eventNote, hook.NoteEvents}, {eventPipeline, hook.PipelineEvents}, {eventJob, hook.JobEvents},
	} {
		if event.sent {
			neutral.Events = append(neutral.Events, event.name)
		}
	}
	return neutral
}

func hookID(id string) (int64, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%q is not the id of a hook", printable.Clip(id, 64))
	}
	return number, nil
}
