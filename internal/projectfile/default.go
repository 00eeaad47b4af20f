package projectfile

import (
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// Defaults of previews and stages.
const (
	DefaultPreviewForks = "approve"
	DefaultPreviewLimit = 10
	DefaultPreviewTTL   = "72h"
	DefaultRollback     = "never"
)

// fillDefaults completes stages and previews.
func fillDefaults(file *project.File) {
	for i := range file.Stages {
		stage := &file.Stages[i]
		if stage.Rollback == "" {
			stage.Rollback = DefaultRollback
		}
		if stage.OnDelete == "" {
			stage.OnDelete = defaultOnDelete(*stage)
		}
	}
	p := file.Previews
	if p == nil {
		return
	}
	if p.Forks == "" {
		p.Forks = DefaultPreviewForks
	}
	if p.Limit == 0 {
		p.Limit = DefaultPreviewLimit
	}
	if p.TTL == "" {
		p.TTL = DefaultPreviewTTL
	}
}

func defaultOnDelete(stage project.Stage) string {
	if stage.Pattern() {
		return "delete"
	}
	return "keep"
}

// serviceDefaults returns the defaults of a service that otherwise says n.
func serviceDefaults(n *syntax.Node) *syntax.Node {
	d := &syntax.Node{Kind: syntax.Map}
	if n.Get("build") != nil {
		d.Put("build", syntax.NewMap("context", syntax.NewString("."), "dockerfile", syntax.NewString("Dockerfile")))
	}
	managed := n.Get("build") != nil || n.Get("image") != nil || n.Get("template") != nil
	if !managed || n.Get("schedule") != nil {
		return d
	}
	scale := syntax.NewMap("min", syntax.NewInteger(1))
	if n.Get("scale").Get("max") != nil {
		scale.Put("cpu", syntax.NewInteger(80))
	}
	d.Put("scale", scale)
	return d
}
