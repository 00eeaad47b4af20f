package gitea

import (
	"context"
	"strconv"

	api "code.gitea.io/sdk/gitea"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

// events are what a hook is made for, by the names that the API takes.
func events(wanted []string) []string {
	if len(wanted) > 0 {
		return wanted
	}
	return []string{
		"push", "create", "delete", "pull_request", "pull_request_label", "pull_request_sync",
		"pull_request_review_approved", "pull_request_review_rejected", "pull_request_comment", "issue_comment", "status",
	}
}

// ListHooks returns the repository's hooks.
func (r *Reporter) ListHooks(ctx context.Context, repository string) ([]scm.Hook, error) {
	const operation = "list the hooks"
	owner, name, err := split(repository)
	if err != nil {
		return nil, err
	}
	client, err := r.client(ctx)
	if err != nil {
		return nil, err
	}
	var hooks []scm.Hook
	for page := 1; page <= maxPages; page++ {
		options := api.ListHooksOptions{ListOptions: api.ListOptions{Page: page, PageSize: pageSize}}
		listed, resp, err := client.ListRepoHooks(owner, name, options)
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		for _, hook := range listed {
			hooks = append(hooks, neutralHook(hook))
		}
		if resp.NextPage == 0 {
			break
		}
	}
	return hooks, nil
}

// CreateHook makes a hook that sends signed JSON.
func (r *Reporter) CreateHook(ctx context.Context, repository string, h scm.Hook) (scm.Hook, error) {
	owner, name, err := split(repository)
	if err != nil {
		return scm.Hook{}, err
	}
	if err := h.Check(); err != nil {
		return scm.Hook{}, err
	}
	client, err := r.client(ctx)
	if err != nil {
		return scm.Hook{}, err
	}
	made, resp, err := client.CreateRepoHook(owner, name, api.CreateHookOption{
		Type: api.HookTypeGitea, Config: config(h), Events: events(h.Events), Active: h.Active,
	})
	if err != nil {
		return scm.Hook{}, r.coded("make the hook", resp, err)
	}
	return neutralHook(made), nil
}

// UpdateHook makes the hook as h says.
func (r *Reporter) UpdateHook(ctx context.Context, repository string, h scm.Hook) error {
	owner, name, err := split(repository)
	if err != nil {
		return err
	}
	id, err := hookID(h.ID)
	if err != nil {
		return err
	}
	if err := h.Check(); err != nil {
		return err
	}
	client, err := r.client(ctx)
	if err != nil {
		return err
	}
	resp, err := client.EditRepoHook(owner, name, id, api.EditHookOption{Config: config(h), Events: events(h.Events), Active: &h.Active})
	return r.coded("change the hook", resp, err)
}

// DeleteHook removes a hook.
func (r *Reporter) DeleteHook(ctx context.Context, repository, hook string) error {
	owner, name, err := split(repository)
	if err != nil {
		return err
	}
	id, err := hookID(hook)
	if err != nil {
		return err
	}
	client, err := r.client(ctx)
	if err != nil {
		return err
	}
	resp, err := client.DeleteRepoHook(owner, name, id)
	if err = r.coded("delete the hook", resp, err); fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func config(h scm.Hook) map[string]string {
	return map[string]string{"url": h.URL, "secret": h.Secret, "content_type": "json", "http_method": "post"}
}

func neutralHook(hook *api.Hook) scm.Hook {
	return scm.Hook{ID: strconv.FormatInt(hook.ID, 10), URL: hook.Config["url"], Active: hook.Active, Events: hook.Events}
}

func hookID(id string) (int64, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%q is not the id of a hook", printable.Clip(id, 64))
	}
	return number, nil
}
