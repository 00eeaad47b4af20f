package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
	"github.com/slipway-dev/slipway/internal/render"
)

// fingerprint returns what the manifests of a release were made from, nil when it
// isn't known: the next commit is released then, whatever it changes. A promotion
// has none, because its images are another stage's.
func (r *run) fingerprint(p planned) *fingerprint.Fingerprint {
	if r.Release.Spec.Trigger == v1alpha1.TriggerPromotion {
		return nil
	}
	basis, err := r.basis(r.Inputs, p.effective)
	if err != nil {
		r.Log.Warn("record what a release was made from", "release", r.Release.Name, "error", err)
		return nil
	}
	made, err := p.recording.Fingerprint(basis)
	if err != nil {
		r.Log.Warn("record what a release was made from", "release", r.Release.Name, "error", err)
	}
	return made
}

// renderRequest returns what rendering depends on besides commit and images.
func (e effective) renderRequest(at release.Place) render.Request {
	request := release.RenderRequest(e.document, e.services, e.rule, at)
	request.Seed = e.seed
	return request
}

// basis returns a digest of everything that a release depends on besides commits:
// what the project file says about the stage, the facts of its cluster, and what
// renders and builds.
func (r *Runner) basis(o release.Inputs, e effective) (string, error) {
	request := e.renderRequest(o.Place())
	for i := range request.Overlays {
		request.Overlays[i].Line = 0 // for messages
	}
	text, err := json.Marshal(struct {
		Program, Render string
		Request         render.Request
		Secrets         []render.Secret
		Resources       project.Resources
		Cluster         string
		Facts           v1alpha1.ClusterSpec
		Images          [3]string
	}{
		Program: r.Version, Render: render.Version, Request: request, Secrets: e.secrets, Resources: e.rule.Resources,
		Cluster: o.Cluster.Name, Facts: o.Cluster.Spec,
		Images: [3]string{o.Builds.Executor, o.Builds.Request.Platform, o.Builds.Request.Repository},
	})
	if err != nil {
		return "", fmt.Errorf("encode what stage %s depends on: %w", o.Stage.Name, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Comparison compares heads of one project with what its stages were made from. It
// lasts for one sync, in which every path of every commit is looked at once, and is
// safe for concurrent use.
type Comparison struct {
	runner *Runner

	mu      sync.Mutex
	answers map[opened]*fingerprint.Answers
	own     *render.OwnTemplates // nil until they are read
}

// opened is a tree that was opened for a comparison: of a commit of the primary
// repository, or of what a project file's head has of another one.
type opened struct {
	fingerprint.Revision
	commit, file string
}

// NewComparison returns a comparison.
func (r *Runner) NewComparison() *Comparison {
	return &Comparison{runner: r, answers: map[opened]*fingerprint.Answers{}}
}

// Equal reports whether a release of a head would make the same manifests and
// images for the stage as an earlier release with a bundle did. It reads no file of
// the commit but the project file, renders nothing and resolves no tag. When that
// can't be told, because nothing is known of what the earlier release was made
// from, it is false.
func (c *Comparison) Equal(ctx context.Context, o release.Inputs, earlier *v1alpha1.Release, head v1alpha1.Head) (bool, error) {
	from, err := c.runner.Bundles.Fingerprint(ctx, o, earlier.Status.Bundle)
	if err != nil || from == nil {
		return false, err
	}
	o.Templates = c.ownTemplates(o)
	stage, err := c.runner.effective(ctx, o, head)
	if err != nil {
		return false, err
	}
	basis, err := c.runner.basis(o, stage)
	if err != nil {
		return false, err
	}
	return from.Equal(basis, func(revision fingerprint.Revision) (*fingerprint.Answers, error) {
		return c.open(ctx, o, head, revision)
	})
}

// open returns what answers for the tree that a revision leads to at a head.
func (c *Comparison) open(ctx context.Context, o release.Inputs, head v1alpha1.Head, revision fingerprint.Revision) (*fingerprint.Answers, error) {
	key := opened{commit: head.Commit}
	if revision.Repository != "" {
		key = opened{Revision: revision, file: head.FileCommit + head.FileID}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.answers[key]; known != nil {
		return known, nil
	}
	var snapshot release.Snapshot
	var err error
	if revision.Repository == "" {
		snapshot, err = c.runner.Sources.Open(ctx, o.Project, o.Stage, head.Commit)
	} else {
		snapshot, err = c.runner.Sources.OpenSecondary(ctx, o.Project, head, revision.Repository, revision.Ref)
	}
	if err != nil {
		return nil, err
	}
	c.answers[key] = fingerprint.NewAnswers(snapshot.Tree)
	return c.answers[key], nil
}

// ownTemplates returns the organization's templates, which are read once.
func (c *Comparison) ownTemplates(o release.Inputs) func(context.Context) (render.OwnTemplates, error) {
	if o.Templates == nil {
		return nil
	}
	return func(ctx context.Context) (render.OwnTemplates, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.own == nil {
			own, err := o.Templates(ctx)
			if err != nil {
				return own, err
			}
			c.own = &own
		}
		return *c.own, nil
	}
}
