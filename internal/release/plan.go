package release

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
)

// planned is what the plan settled.
type planned struct {
	document *projectfile.Document
	rule     project.Stage
	services map[string]project.Service // effective for the stage, templates expanded
	secrets  []render.Secret            // what templates need
	snapshot Snapshot
	builds   map[string]recipe
}

// wanted returns what the stage's Secrets must hold.
func (p planned) wanted() Secrets { return Secrets{Made: p.secrets, Sealed: p.rule.Sealed} }

// plan gathers the facts and decides. A hold ends the story for now.
func (r *run) plan(ctx context.Context) (planned, error) {
	if r.status.Phase == "" {
		r.mark(v1alpha1.PhasePending, "planning")
	}
	settled, err := attempt(ctx, r, r.settle)
	if err != nil {
		return planned{}, err
	}
	images, err := attempt(ctx, r, func(ctx context.Context) (map[string]plan.Image, error) {
		return r.images(ctx, settled)
	})
	if err != nil {
		return planned{}, err
	}
	facts := r.facts(settled, images)
	r.ask(ctx, &facts)
	decision := plan.Decide(facts)
	r.note(decision)
	r.noteApproval(decision.ApprovedBy)
	switch {
	case decision.Rejected != "":
		return planned{}, &Failure{Cause: CauseRejected, Message: decision.Rejected}
	case decision.Hold != "":
		return planned{}, &heldError{reason: decision.Hold}
	}
	return settled.planned, nil
}

// fileCommit returns the commit whose project file applies. What a person
// wrote into their order is not believed: it could name a file of their own.
func (r *run) fileCommit() string {
	if r.Release.Spec.Trigger.Asked() {
		return r.Stage.Spec.Wanted.FileCommit
	}
	return r.Release.Spec.Head.FileCommit
}

// settled adds to a plan where the file says what.
type settled struct {
	planned
	where func(path string) string
}

// settle loads the project file and the commit, and works out the recipe of
// every built service.
func (r *run) settle(ctx context.Context) (settled, error) {
	head := r.Release.Spec.Head
	document, _, err := r.Sources.File(ctx, r.Project, r.fileCommit())
	if err != nil {
		return settled{}, err
	}
	rule, found := document.File.Stage(r.Stage.Spec.Rule)
	if !found {
		return settled{}, fault.New(fault.Conflict, "%s of commit %.8s has no stage %s any more; the next sync settles that", project.FileName, r.fileCommit(), r.Stage.Spec.Rule)
	}
	snapshot, err := r.Sources.Open(ctx, r.Project, "", head.Commit)
	if err != nil {
		return settled{}, err
	}
	own, err := r.ownTemplates(ctx, document)
	if err != nil {
		return settled{}, err
	}
	services, secrets, err := Services(document, rule.Name, own)
	if err != nil {
		return settled{}, err
	}
	s := settled{where: whereIn(document)}
	s.planned = planned{document: document, rule: rule, snapshot: snapshot, services: services, secrets: secrets, builds: map[string]recipe{}}
	for name, service := range s.services {
		if service.Build == nil || r.Release.Spec.Trigger == v1alpha1.TriggerPromotion {
			continue
		}
		if s.builds[name], err = r.recipe(ctx, snapshot, name, *service.Build); err != nil {
			return settled{}, fmt.Errorf("service %s: %w", name, err)
		}
	}
	return s, nil
}

// ownTemplates reads the organization's templates where a service uses one.
func (r *run) ownTemplates(ctx context.Context, document *projectfile.Document) (render.OwnTemplates, error) {
	for _, service := range document.File.Services {
		if service.Template != "" && r.Templates != nil {
			return r.Templates(ctx)
		}
	}
	return render.OwnTemplates{}, nil
}

// whereIn returns the function that finds a path's place in the file. A stage
// in a path goes by its name.
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

// note writes the decision into the status, keeping what an earlier run of
// this release built itself.
func (r *run) note(d plan.Decision) {
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
