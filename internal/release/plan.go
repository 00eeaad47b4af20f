package release

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
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

// recipe is what one service's image is built from.
type recipe struct {
	service    string
	snapshot   Snapshot
	build      project.Build
	dockerfile []byte
	input      build.Input
	hash       string
}

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

// facts is what the plan is made from.
func (r *run) facts(s settled, images map[string]plan.Image) plan.Facts {
	file := s.document.File
	facts := plan.Facts{
		File:   file,
		Rule:   s.rule,
		Ref:    r.Stage.Spec.Ref,
		Actor:  project.Actor{Login: r.Release.Spec.Head.Actor},
		Now:    r.Now(),
		Images: images,
		Last:   r.last(),
		Where:  s.where,
	}
	if r.Release.Spec.Trigger.Asked() {
		who, _ := file.Person(r.Release.Spec.By)
		facts.Actor, facts.Action = project.Actor{Login: who.User}, actionOf(r.Release.Spec.Trigger)
	}
	r.verdicts(file, &facts)
	return facts
}

// fileHead returns the head whose project file applies. The head that a person
// wrote into a request is not trusted: it could name a file of their own.
func (r *run) fileHead() v1alpha1.Head {
	if r.Release.Spec.Trigger.Asked() {
		return r.Stage.Spec.Wanted
	}
	return r.Release.Spec.Head
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
	document, _, err := r.Sources.File(ctx, r.Project, r.fileHead())
	if err != nil {
		return settled{}, err
	}
	rule, found := document.File.Stage(r.Stage.Spec.Rule)
	if !found {
		return settled{}, fault.New(fault.Conflict, "%s of commit %.8s has no stage %s any more; the next sync settles that", project.FileName, r.fileHead().FileCommit, r.Stage.Spec.Rule)
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

// recipe reads what a service's image is built from.
func (r *run) recipe(ctx context.Context, snapshot Snapshot, service string, b project.Build) (recipe, error) {
	if b.Repository != "" {
		var err error
		if snapshot, err = r.Sources.Open(ctx, r.Project, b.Repository, b.Ref); err != nil {
			return recipe{}, err
		}
	}
	made := recipe{service: service, snapshot: snapshot, build: b}
	file := path.Join(b.Context, b.Dockerfile)
	contextID, err := snapshot.Tree.Hash(b.Context)
	if err != nil {
		return recipe{}, fault.Wrap(fault.Invalid, err, "services.%s.build.context: commit %.8s has no directory %s; correct the path", service, snapshot.Commit, b.Context)
	}
	dockerfileID, err := snapshot.Tree.Hash(file)
	if err != nil {
		return recipe{}, fault.Wrap(fault.Invalid, err, "services.%s.build.dockerfile: commit %.8s has no file %s; add it, or `slipway init` writes one", service, snapshot.Commit, file)
	}
	if made.dockerfile, err = fs.ReadFile(snapshot.Tree, file); err != nil {
		return recipe{}, fmt.Errorf("read %s: %w", file, err)
	}
	made.input = build.Input{
		ContextTree:    contextID,
		Dockerfile:     dockerfileID,
		DockerfilePath: b.Dockerfile,
		Args:           b.Args,
		Target:         b.Target,
		Platform:       r.Builds.Request.Platform,
		Builder:        r.Builds.Executor,
		Watch:          map[string]string{},
	}
	for _, watched := range b.Watch {
		if made.input.Watch[watched], err = snapshot.Tree.Hash(path.Clean(watched)); err != nil {
			return recipe{}, fault.Wrap(fault.Invalid, err, "services.%s.build.watch: commit %.8s has no %s; correct the path", service, snapshot.Commit, watched)
		}
	}
	if made.input.BaseImages, err = r.bases(ctx, file, made.dockerfile, b); err != nil {
		return recipe{}, err
	}
	made.hash = made.input.Hash()
	return made, nil
}

// bases returns the digests of a Dockerfile's base images.
func (r *run) bases(ctx context.Context, name string, data []byte, b project.Build) (map[string]string, error) {
	parsed, err := build.ParseDockerfile(name, data)
	if err != nil {
		return nil, err
	}
	args, err := build.PlatformArgs(b.Args, r.Builds.Request.Platform)
	if err != nil {
		return nil, err
	}
	bases, err := parsed.Bases(args, b.Target)
	if err != nil {
		return nil, err
	}
	return r.Builds.Registry.ResolveBases(ctx, parsed, bases)
}

// images asks which of the images exist; a promotion has them all.
func (r *run) images(ctx context.Context, s settled) (map[string]plan.Image, error) {
	if r.Release.Spec.Trigger == v1alpha1.TriggerPromotion {
		return r.promoted(s)
	}
	images := make(map[string]plan.Image, len(s.builds))
	for name, recipe := range s.builds {
		ref, _, err := r.Builds.Registry.Exists(ctx, r.Builds.Request.Repository, recipe.hash)
		if err != nil {
			return nil, err
		}
		images[name] = plan.Image{Hash: recipe.hash, Ref: ref, Inputs: parts(recipe)}
	}
	return images, nil
}

// parts names what a hash is made of, for the why of a build.
func parts(r recipe) map[string]string {
	all := map[string]string{"builder": r.input.Builder}
	all["context "+r.build.Context] = r.input.ContextTree
	all["Dockerfile"] = r.input.Dockerfile
	for watched, id := range r.input.Watch {
		all[watched] = id
	}
	for image, digest := range r.input.BaseImages {
		all["base image "+image] = digest
	}
	for name, value := range r.build.Args {
		all["argument "+name] = build.Input{Args: map[string]string{name: value}}.Hash()
	}
	if r.build.Target != "" {
		all["target"] = r.build.Target
	}
	return all
}

// last returns the images of the stage's last good release.
func (r *run) last() map[string]plan.LastImage {
	images := map[string]plan.LastImage{}
	if r.Good == nil {
		return images
	}
	for _, s := range r.Good.Status.Services {
		images[s.Name] = plan.LastImage{Hash: s.InputHash, Inputs: s.Inputs, Release: fmt.Sprint(r.Good.Spec.Sequence)}
	}
	return images
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
