package worker

import (
	"context"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

// warm renders something small, so that schemas are parsed before the first
// request. Its result doesn't matter: a request would meet the same error.
func warm(ctx context.Context) {
	request := render.Request{
		Organization: "warm", Project: "warm", Stage: "warm", Overlay: "overlay",
		Services: map[string]project.Service{"warm": {Image: "warm:1", Port: 80}},
	}
	tree := fstest.MapFS{
		"overlay/kustomization.yaml": {Data: []byte(`{"patches": [{"patch": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: warm}, spec: {replicas: 2}}"}]}`)},
	}
	files, err := render.Collect(ctx, tree, request, render.DefaultLimits())
	if err != nil {
		return
	}
	_, _ = render.Render(ctx, request, files)
}
