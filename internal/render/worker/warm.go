package worker

import (
	"context"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

// warm renders something small, so that schemas are parsed before the first
// request. Its result doesn't matter: a request would meet the same error.
func warm(ctx context.Context) {
	const overlay = `{patches: [{patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: warm}, spec: {replicas: 2}}"}]}`
	request := render.Request{
		Organization: "warm", Project: "warm", Stage: "warm",
		Services: map[string]project.Service{"warm": {Image: "warm:1", Port: 80}},
	}
	_, _ = render.Render(ctx, request, render.Files{
		Tree:     map[string][]byte{"overlay/kustomization.yaml": []byte(overlay)},
		Overlays: []render.Overlay{{Directory: "overlay", File: "overlay/kustomization.yaml"}},
	})
}
