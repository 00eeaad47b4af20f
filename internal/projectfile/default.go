package projectfile

import (
	"github.com/slipway-dev/slipway/internal/project"
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
func serviceDefaults(n *node) *node {
	d := &node{kind: kindMap}
	if n.get("build") != nil {
		d.put("build", mapOf("context", textOf("."), "dockerfile", textOf("Dockerfile")))
	}
	managed := n.get("build") != nil || n.get("image") != nil || n.get("template") != nil
	if !managed || n.get("schedule") != nil {
		return d
	}
	scale := mapOf("min", numberOf(1))
	if n.get("scale").get("max") != nil {
		scale.put("cpu", numberOf(80))
	}
	d.put("scale", scale)
	return d
}

func (n *node) put(key string, value *node) {
	n.entries = append(n.entries, entry{key: key, value: value})
}

func mapOf(pairs ...any) *node {
	m := &node{kind: kindMap}
	for i := 0; i < len(pairs); i += 2 {
		m.put(pairs[i].(string), pairs[i+1].(*node)) //nolint:gosec // called with pairs only
	}
	return m
}

func textOf(s string) *node { return &node{kind: kindString, text: s} }

func numberOf(v int64) *node { return &node{kind: kindInteger, integer: v, float: float64(v)} }
