package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
	"github.com/slipway-dev/slipway/internal/render"
)

// planned is the outcome of planning.
type planned struct {
	effective
	head      v1alpha1.Head // of the project file
	snapshot  release.Snapshot
	built     map[string]project.Build // services of Compose files among them
	builds    map[string]recipe
	recording *fingerprint.Recording // of the trees of the snapshots
}

// effective is what a project file says about one stage.
type effective struct {
	document *projectfile.Document
	rule     project.Stage
	services map[string]project.Service // templates expanded
	secrets  []render.Secret            // what templates need
	seed     []byte                     // of the generated values of charts
}

// wanted returns what the Secrets of the stage must contain.
func (p planned) wanted() release.Secrets {
	return release.Secrets{Made: p.secrets, Sealed: p.rule.Sealed}
}

// plan gathers the facts and decides. A hold ends the run; the release stays.
func (r *run) plan(ctx context.Context) (planned, error) {
	if r.status.Phase == "" {
		r.mark(v1alpha1.PhasePending, "planning")
	}
	resolved, err := attempt(ctx, r, r.resolve)
	if err != nil {
		return planned{}, err
	}
	images, err := attempt(ctx, r, func(ctx context.Context) (map[string]plan.Image, error) {
		return r.images(ctx, resolved)
	})
	if err != nil {
		return planned{}, err
	}
	facts := r.facts(resolved, images)
	r.addForgeFacts(ctx, &facts)
	decision := plan.Decide(facts)
	r.recordDecision(decision)
	r.recordApproval(decision.ApprovedBy)
	switch {
	case decision.Rejected != "":
		return planned{}, &release.Failure{Cause: release.CauseRejected, Message: decision.Rejected}
	case decision.Hold != "":
		return planned{}, &heldError{reason: decision.Hold}
	}
	return resolved.planned, nil
}

// fileHead returns the head whose project file applies. The head that a person
// wrote into a request is not trusted: it could name a file of their own. The file
// in force applies to requests.
func (r *run) fileHead() (v1alpha1.Head, error) {
	if !r.Release.Spec.Trigger.Asked() {
		return r.Release.Spec.Head, nil
	}
	if r.Stage.IsPreview() {
		return r.Stage.Spec.Wanted, nil
	}
	return inForce(r.Project)
}

// inForce returns the head of a project's file in force.
func inForce(p *v1alpha1.Project) (v1alpha1.Head, error) {
	if p.Status.File == nil {
		return v1alpha1.Head{}, fault.New(fault.Unavailable, "project %s has no project file in force yet; its next sync reads one", p.Name)
	}
	return p.Status.File.Head(), nil
}

// authority is what a project file says about who may do what at a stage.
type authority struct {
	file  *project.File
	rule  project.Stage
	where func(path string) string // places of settings in the file
}

// authority returns what decides who may do what: the members and the rule of the
// file that the release is made from, or those that were accepted later. An approval
// of somebody who is no member any more counts for nothing.
func (r *run) authority(ctx context.Context, own effective) (authority, error) {
	by := authority{file: own.document.File, rule: own.rule, where: whereIn(own.document)}
	force := r.Project.Status.File
	if r.Release.Spec.Trigger.Asked() || force == nil || force.Accepted == nil || force.Accepted.Number <= r.Release.Spec.Head.Acceptance {
		return by, nil
	}
	document, _, err := r.Sources.File(ctx, r.Project, force.Head())
	if err != nil {
		return by, err
	}
	rule, found := document.File.Rule(own.rule.Name, r.Stage.IsPreview())
	if !found {
		return by, fault.New(fault.Conflict, "%s in force has no stage %s any more; the next sync updates the stage", project.FileName, own.rule.Name)
	}
	return authority{file: document.File, rule: rule, where: whereIn(document)}, nil
}

// resolved adds to planned what only the decision needs.
type resolved struct {
	planned
	authority authority
	last      map[string]plan.LastImage // of the last good release
}

// resolve loads the project file and the commit, and determines what every image
// is built from.
func (r *run) resolve(ctx context.Context) (resolved, error) {
	head, err := r.fileHead()
	if err != nil {
		return resolved{}, err
	}
	stage, err := r.effective(ctx, r.Inputs, head)
	if err != nil {
		return resolved{}, err
	}
	s := resolved{
		planned: planned{effective: stage, head: head, builds: map[string]recipe{}, recording: &fingerprint.Recording{}},
	}
	if s.authority, err = r.authority(ctx, stage); err != nil {
		return resolved{}, err
	}
	if s.snapshot, err = r.Sources.Open(ctx, r.Project, r.Stage, r.Release.Spec.Head.Commit); err != nil {
		return resolved{}, err
	}
	s.snapshot.Tree = s.recording.Tree(fingerprint.Revision{}, s.snapshot.Tree)
	if s.last, err = r.lastImages(ctx); err != nil {
		return resolved{}, err
	}
	if s.built, err = render.Builds(ctx, r.Renderer, s.snapshot.Tree, r.buildsRequest(s.services)); err != nil {
		return resolved{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.built)) { // equal fingerprints have one order
		if r.Release.Spec.Trigger == v1alpha1.TriggerPromotion {
			break
		}
		if s.builds[name], err = r.recipe(ctx, s.planned, name, s.built[name]); err != nil {
			return resolved{}, fmt.Errorf("service %s: %w", name, err)
		}
	}
	return s, nil
}

// buildsRequest asks what is built, which doesn't depend on the cluster.
func (r *run) buildsRequest(services map[string]project.Service) render.Request {
	return render.Request{Organization: r.Organization, Project: r.Project.Name, Stage: r.Stage.Spec.Name, Services: services}
}

// effective reads what the project file of a head says about a stage.
func (r *Runner) effective(ctx context.Context, o release.Inputs, head v1alpha1.Head) (effective, error) {
	document, _, err := r.Sources.File(ctx, o.Project, head)
	if err != nil {
		return effective{}, err
	}
	rule, found := document.File.Rule(o.Stage.Spec.Rule, o.Stage.IsPreview())
	if !found {
		return effective{}, fault.New(fault.Conflict, "%s of commit %.8s has no stage %s any more; the next sync updates the stage", project.FileName, head.FileCommit, o.Stage.Spec.Rule)
	}
	own, err := ownTemplates(ctx, o, document)
	if err != nil {
		return effective{}, err
	}
	if o.Stage.Spec.Fork {
		rule.Sealed = nil
	}
	services, secrets, err := release.Services(document, rule.Name, o.Stage.IsPreview(), own)
	if err != nil {
		return effective{}, err
	}
	seed, err := chartSeed(ctx, o, services)
	return effective{document: document, rule: rule, services: services, secrets: secrets, seed: seed}, err
}

// chartSeed returns what the generated values of charts are derived from, where a
// service is one. Nothing is rendered for a cluster that was not looked at yet.
func chartSeed(ctx context.Context, o release.Inputs, services map[string]project.Service) ([]byte, error) {
	if o.Seed == nil || !release.HasCharts(services) {
		return nil, nil
	}
	if at := o.Cluster.Status; at.Version == "" || len(at.APIVersions) == 0 {
		return nil, fault.New(fault.Unavailable, "what cluster %s serves is not known yet, which charts depend on; its status says why", o.Cluster.Name)
	}
	return o.Seed(ctx)
}

// ownTemplates reads the organization's templates where a service uses one.
func ownTemplates(ctx context.Context, o release.Inputs, document *projectfile.Document) (render.OwnTemplates, error) {
	for _, service := range document.File.Services {
		if service.Template != "" && o.Templates != nil {
			return o.Templates(ctx)
		}
	}
	return render.OwnTemplates{}, nil
}

// whereIn returns a function that finds the place of a path in the project file,
// "file:line:column". Paths name stages by their names.
func whereIn(document *projectfile.Document) func(string) string {
	return func(path string) string {
		for i, stage := range document.File.Stages {
			if field, found := strings.CutPrefix(path, "stages."+stage.Name+"."); found {
				path = fmt.Sprintf("stages[%d].%s", i, field)
				break
			}
		}
		file, line, col := document.Where(path)
		if line == 0 {
			return file
		}
		return fmt.Sprintf("%s:%d:%d", file, line, col)
	}
}

// recordDecision writes the decision into the status. Images that an earlier run
// of this release built stay counted as built.
func (r *run) recordDecision(d plan.Decision) {
	built := map[string]bool{}
	for _, s := range r.status.Services {
		built[s.Name] = !s.Reused && s.InputHash != ""
	}
	r.status.Services = r.status.Services[:0:0]
	r.status.Built, r.status.Reused = 0, 0
	for _, s := range d.Services {
		reused := !s.Build && !built[s.Name]
		if r.Release.Spec.Trigger == v1alpha1.TriggerPromotion {
			s.Why = "promoted: the image of release " + r.Release.Spec.From
		}
		r.status.Services = append(r.status.Services, v1alpha1.ReleaseService{
			Name: s.Name, InputHash: s.Hash, Image: s.Ref, Reused: reused, Why: s.Why, Inputs: s.Inputs,
		})
		if reused {
			r.status.Reused++
		} else {
			r.status.Built++
		}
	}
}
