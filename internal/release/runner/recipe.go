package runner

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/assemble"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
)

// recipe is what one service's image is built from.
type recipe struct {
	service    string
	snapshot   release.Snapshot
	build      project.Build
	dockerfile []byte
	bases      map[string]build.BaseConfig // of stages, by reference
	scope      scope.Scope
	assembled  bool // it needs no execution, as far as the Dockerfile says
	input      build.Input
	hash       string
}

// parameters returns what a build is given besides its Dockerfile and its context.
func (r recipe) parameters(base func(ref string) (build.BaseConfig, error)) build.Parameters {
	return build.Parameters{Args: r.build.Args, Target: r.build.Target, Platform: r.input.Platform, Base: base}
}

// recipe reads what a service's image is built from.
func (r *run) recipe(ctx context.Context, p planned, service string, b project.Build) (recipe, error) {
	snapshot := p.snapshot
	if b.Repository != "" {
		var err error
		if snapshot, err = r.Sources.OpenSecondary(ctx, r.Project, p.head, b.Repository, b.Ref); err != nil {
			return recipe{}, err
		}
		snapshot.Tree = p.recording.Tree(fingerprint.Revision{Repository: b.Repository, Ref: b.Ref}, snapshot.Tree)
	}
	made := recipe{service: service, snapshot: snapshot, build: b}
	file := path.Join(b.Context, b.Dockerfile)
	if mode, err := snapshot.Tree.Type(b.Context); err != nil || !mode.IsDir() {
		return recipe{}, fault.Wrap(fault.Invalid, cmp.Or(err, fs.ErrNotExist), "services.%s.build.context: commit %.8s has no directory %s; correct the path", service, snapshot.Commit, b.Context)
	}
	dockerfileID, err := snapshot.Tree.Hash(file)
	if err != nil {
		return recipe{}, fault.Wrap(fault.Invalid, err, "services.%s.build.dockerfile: commit %.8s has no file %s; add it, or `slipway init` writes one", service, snapshot.Commit, file)
	}
	if made.dockerfile, err = fs.ReadFile(snapshot.Tree, file); err != nil {
		return recipe{}, fmt.Errorf("read %s: %w", file, err)
	}
	made.input = build.Input{
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
	if err := r.readScope(ctx, &made, file); err != nil {
		return recipe{}, err
	}
	made.hash = made.input.Hash()
	return made, nil
}

// readScope finds out which files of its context a build may read, and what is in them.
func (r *run) readScope(ctx context.Context, made *recipe, file string) error {
	var failed error
	made.bases = map[string]build.BaseConfig{}
	stages, err := build.Evaluate(file, made.dockerfile, made.parameters(func(ref string) (base build.BaseConfig, err error) {
		base, err = r.Builds.Registry.Base(ctx, ref, made.input.BaseImages[ref])
		failed = cmp.Or(failed, err)
		made.bases[ref] = base
		return base, err
	}))
	if failed != nil {
		return failed
	}
	made.scope = scope.Of(made.build.Dockerfile, stages, err)
	if r.Builds.Assemble != nil && ptr.Deref(made.build.Assemble, true) && assemble.Check(stages, err) == nil {
		made.assembled, made.input.Builder = true, assemble.Version+", or "+r.Builds.Executor // an obstacle may leave it to the builder
	}
	selected, err := made.scope.On(contextTree{made.snapshot.Tree}, path.Clean(made.build.Context))
	if err == nil {
		made.input.Ignore = selected.IgnoreFile()
		made.input.Context, err = selected.Digests(ctx)
	}
	if err != nil {
		return fmt.Errorf("read the build context %s: %w", made.build.Context, err)
	}
	return nil
}

// contextTree is a commit's tree in which a build context is looked at: of a directory
// that is listed, only names and types count.
type contextTree struct{ release.Tree }

// ReadDir implements scope.Tree.
func (t contextTree) ReadDir(dir string) ([]fs.DirEntry, error) {
	if recorded, is := t.Tree.(*fingerprint.RecordedTree); is {
		return recorded.Names(dir)
	}
	return t.Tree.ReadDir(dir)
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
	policy := release.PolicyOf(r.Inputs)
	for _, base := range bases {
		if policy.Foreign(base.Ref) {
			return nil, fault.New(fault.Denied, "%s:%d: base image %s is another project's; build on an image of the project's own, or let the platform team share it in spec.registry.shared of the Cluster", parsed.Path(), base.Line, base.Ref)
		}
	}
	return r.Builds.Registry.ResolveBases(ctx, parsed, bases)
}

// images finds out which of the images exist. A promotion has all of them.
func (r *run) images(ctx context.Context, s resolved) (map[string]plan.Image, error) {
	if r.Release.Spec.Trigger == v1alpha1.TriggerPromotion {
		return r.promoted(ctx, s)
	}
	images := make(map[string]plan.Image, len(s.builds))
	for name, recipe := range s.builds {
		ref, found, err := r.trusted(ctx, recipe)
		if err == nil && !found {
			recipe = recipe.of(r.Builds.Class)
			ref, _, err = r.Builds.Registry.Exists(ctx, r.Builds.Request.Repository, recipe.hash)
		}
		if err != nil {
			return nil, err
		}
		s.builds[name] = recipe
		images[name] = plan.Image{Hash: recipe.hash, Ref: ref, Assembled: recipe.assembled, Inputs: hashInputs(recipe)}
	}
	return images, nil
}

// trusted finds the image that the project's own code made of the same input: untrusted
// code may use it, and never the other way round.
func (r *run) trusted(ctx context.Context, recipe recipe) (ref string, found bool, err error) {
	if r.Builds.Class == "" {
		return "", false, nil
	}
	return r.Builds.Registry.Exists(ctx, r.Builds.Trusted, recipe.hash)
}

// of returns the recipe of a class.
func (r recipe) of(class string) recipe {
	r.input.Class = class
	r.hash = r.input.Hash()
	return r
}

// maxNamedSources is how many sources of a context are named when they change.
const maxNamedSources = 20

// hashInputs returns what a hash is made of by name. It explains why a service is
// built.
func hashInputs(r recipe) map[string]string {
	all := map[string]string{"builder": r.input.Builder}
	all["Dockerfile"] = r.input.Dockerfile
	if r.input.Ignore != "" {
		all[".dockerignore"] = r.input.Ignore
	}
	if len(r.input.Context) > maxNamedSources {
		all["context "+r.build.Context] = build.Input{Context: r.input.Context}.Hash()
	} else {
		for source, digest := range r.input.Context {
			all[nameOfSource(r.build.Context, source)] = digest
		}
	}
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

// nameOfSource returns what people are told of a source of a context.
func nameOfSource(context, source string) string {
	if source == "." {
		return "context " + context
	}
	return path.Join(context, source)
}

// promoted returns the images of the promoted release for the services that
// are built.
func (r *run) promoted(ctx context.Context, s resolved) (map[string]plan.Image, error) {
	source, err := r.Whole(ctx, r.From)
	if fault.CodeOf(err) == fault.NotFound || err == nil && source == nil {
		return nil, r.sourceGone()
	}
	if err != nil {
		return nil, err
	}
	images := map[string]plan.Image{}
	var missing []string
	for name := range s.built {
		at := slices.IndexFunc(source.Status.Services, func(s v1alpha1.ReleaseService) bool { return s.Name == name && s.InputHash != "" && s.Image != "" })
		if at < 0 {
			missing = append(missing, name)
			continue
		}
		from := source.Status.Services[at]
		images[name] = plan.Image{Hash: from.InputHash, Ref: from.Image, Inputs: from.Inputs}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, &release.Failure{Cause: release.CauseInvalid, Message: fmt.Sprintf("release %s has no image of %s, which stage %s runs, and a promotion builds nothing; release them to %s first",
			source.Name, strings.Join(missing, ", "), r.Stage.Spec.Name, source.Spec.Stage)}
	}
	return images, nil
}
