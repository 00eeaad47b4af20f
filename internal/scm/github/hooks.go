package github

import (
	"context"
	"strconv"

	api "github.com/google/go-github/v62/github"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

// events are what a hook is made for.
func events(wanted []string) []string {
	if len(wanted) > 0 {
		return wanted
	}
	return []string{"push", "create", "delete", "pull_request", "pull_request_review", "issue_comment", "check_run", "check_suite", "status"}
}

// ListHooks returns the repository's hooks.
func (r *Reporter) ListHooks(ctx context.Context, repository string) ([]scm.Hook, error) {
	const operation = "list the hooks"
	owner, name, err := split(repository)
	if err != nil {
		return nil, err
	}
	var hooks []scm.Hook
	options := &api.ListOptions{PerPage: 100}
	for range maxPages {
		page, resp, err := r.client.Repositories.ListHooks(ctx, owner, name, options)
		if err != nil {
			return nil, r.coded(operation, err)
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

// CreateHook makes a hook that sends signed JSON.
func (r *Reporter) CreateHook(ctx context.Context, repository string, h scm.Hook) (scm.Hook, error) {
	const operation = "make the hook"
	owner, name, err := split(repository)
	if err != nil {
		return scm.Hook{}, err
	}
	wanted, err := hookOf(h)
	if err != nil {
		return scm.Hook{}, err
	}
	made, _, err := r.client.Repositories.CreateHook(ctx, owner, name, wanted)
	if err != nil {
		return scm.Hook{}, r.coded(operation, err)
	}
	return neutralHook(made), nil
}

// UpdateHook makes the hook as h says.
func (r *Reporter) UpdateHook(ctx context.Context, repository string, h scm.Hook) error {
	const operation = "change the hook"
	owner, name, err := split(repository)
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
	_, _, err = r.client.Repositories.EditHook(ctx, owner, name, id, wanted)
	return r.coded(operation, err)
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
	_, err = r.client.Repositories.DeleteHook(ctx, owner, name, id)
	if err = r.coded("delete the hook", err); fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func hookOf(h scm.Hook) (*api.Hook, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	return &api.Hook{
		Active: &h.Active, Events: events(h.Events),
		Config: &api.HookConfig{URL: &h.URL, Secret: &h.Secret, ContentType: api.String("json"), InsecureSSL: api.String("0")},
	}, nil
}

func neutralHook(hook *api.Hook) scm.Hook {
	return scm.Hook{
		ID: strconv.FormatInt(hook.GetID(), 10), URL: hook.GetConfig().GetURL(), Active: hook.GetActive(), Events: hook.Events,
	}
}

func hookID(id string) (int64, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, fault.New(fault.Invalid, "%q is not the id of a hook", printable.Clip(id, 64))
	}
	return number, nil
}
