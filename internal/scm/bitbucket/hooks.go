package bitbucket

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

// hooks is what the Cloud and the Data Center do with webhooks.
type hooks interface {
	listHooks(ctx context.Context, operation, repository string) ([]scm.Hook, error)
	createHook(ctx context.Context, operation, repository string, h scm.Hook) (scm.Hook, error)
	updateHook(ctx context.Context, operation, repository string, h scm.Hook) error
	deleteHook(ctx context.Context, operation, repository, id string) error
}

// ListHooks returns the repository's hooks.
func (r *Reporter) ListHooks(ctx context.Context, repository string) ([]scm.Hook, error) {
	if _, _, err := split(repository); err != nil {
		return nil, err
	}
	return r.listHooks(ctx, "list the hooks", repository)
}

// CreateHook makes a hook.
func (r *Reporter) CreateHook(ctx context.Context, repository string, h scm.Hook) (scm.Hook, error) {
	if err := checkHook(repository, h); err != nil {
		return scm.Hook{}, err
	}
	return r.createHook(ctx, "make the hook", repository, h)
}

// UpdateHook makes the hook as h says.
func (r *Reporter) UpdateHook(ctx context.Context, repository string, h scm.Hook) error {
	if err := checkHook(repository, h); err != nil {
		return err
	}
	if err := checkID(h.ID); err != nil {
		return err
	}
	return r.updateHook(ctx, "change the hook", repository, h)
}

// DeleteHook removes a hook.
func (r *Reporter) DeleteHook(ctx context.Context, repository, id string) error {
	if _, _, err := split(repository); err != nil {
		return err
	}
	if err := checkID(id); err != nil {
		return err
	}
	err := r.deleteHook(ctx, "delete the hook", repository, id)
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func checkHook(repository string, h scm.Hook) error {
	if _, _, err := split(repository); err != nil {
		return err
	}
	return h.Check()
}

// checkID refuses anything but a hook's id: a number, or a UUID in braces.
func checkID(id string) error {
	if id == "" || strings.Trim(id, "{}-0123456789abcdefABCDEF") != "" {
		return fault.New(fault.Invalid, "%q is not the id of a hook", printable.Clip(id, 64))
	}
	return nil
}
