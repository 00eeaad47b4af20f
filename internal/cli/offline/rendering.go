package offline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/worker"
)

var (
	// byDigest is a reference of an image by its digest.
	byDigest = regexp.MustCompile(`^[^\s@]+@sha256:[0-9a-f]{64}$`)
)

const (
	// noDigest stands for a digest that only a build or a registry knows.
	noDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	// unbuilt is the registry, in rendered manifests, of images that were not
	// given with --images.
	unbuilt = "unbuilt.slipway.local"
	// renderLimit is how long rendering in this process may take.
	renderLimit = time.Minute
)

// Rendering is what the commands that render share.
type Rendering struct {
	Repository
	Target
	Images

	shared runner.Renderer // for several stages
}

// Rendered is one rendered stage.
type Rendered struct {
	Snapshot Snapshot
	Rule     string
	Request  render.Request
	Result   render.Result
	Findings []guard.Finding
	// unknown are the services whose image is a placeholder.
	unknown []string
}

// Flags adds the flags of the repository, the target and the images.
func (r *Rendering) Flags(command *cobra.Command) {
	r.Repository.Flags(command)
	r.Target.Flags(command)
	r.Images.Flags(command)
}

// Load reads the flags once, before anything is rendered.
func (r *Rendering) Load() error {
	if err := r.Target.Load(); err != nil {
		return err
	}
	return r.Images.load(r.Cluster.Registry)
}

// RenderStage renders a stage as if it were placed there, with the server's own
// mapping, and checks the result against the cluster's policy.
func (r *Rendering) RenderStage(ctx context.Context, from Snapshot, rule project.Stage, at release.Place) (Rendered, error) {
	request, err := r.request(from, rule, at)
	if err != nil {
		return Rendered{}, err
	}
	return r.render(ctx, from, rule, at, request)
}

// RenderApart renders each service of a stage alone, without overlays, and returns
// what was rendered and what could not be, both sorted by service.
func (r *Rendering) RenderApart(ctx context.Context, from Snapshot, rule project.Stage, at release.Place) (all []Rendered, failed []error) {
	request, err := r.request(from, rule, at)
	if err != nil {
		return nil, []error{err}
	}
	for _, name := range slices.Sorted(maps.Keys(request.Services)) {
		alone := request
		alone.Services, alone.Overlays = map[string]project.Service{name: request.Services[name]}, nil
		made, err := r.render(ctx, from, rule, at, alone)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		all = append(all, made)
	}
	return all, failed
}

// request returns what is rendered for a stage.
func (r *Rendering) request(from Snapshot, rule project.Stage, at release.Place) (render.Request, error) {
	services, _, err := release.Services(from.Document, rule.Name, false, r.Templates)
	if err != nil {
		return render.Request{}, err
	}
	request := release.RenderRequest(from.Document, services, rule, at)
	request.Commit = from.Commit
	return request, nil
}

func (r *Rendering) render(ctx context.Context, from Snapshot, rule project.Stage, at release.Place, request render.Request) (Rendered, error) {
	made := Rendered{Snapshot: from, Rule: rule.Name, Request: request}
	renderer, end := r.renderer(ctx)
	defer end()
	builds, err := render.Builds(ctx, renderer, from.Files, made.Request)
	if err != nil {
		return Rendered{}, err
	}
	made.Request.Images, made.unknown = r.imagesFor(request.Services, builds)
	if err := r.renderImages(ctx, renderer, from, &made); err != nil {
		return Rendered{}, err
	}
	if made.Result.Manifests, err = r.pin(made); err != nil {
		return Rendered{}, err
	}
	if made.Findings, err = r.guard(made, at); err != nil || len(made.Findings) == 0 {
		return made, err
	}
	files, err := render.Origins(ctx, renderer, from.Files, made.Request)
	made.Findings = guard.Locate(made.Findings, files)
	return made, err
}

// renderImages renders with what is known of images, and once more when registries
// say more of those that were found.
func (r *Rendering) renderImages(ctx context.Context, renderer runner.Renderer, from Snapshot, made *Rendered) error {
	for {
		var err error
		made.Request.ImageConfigs = r.configs()
		if made.Result, err = renderer.Render(ctx, from.Files, made.Request); err != nil {
			return err
		}
		if found, err := r.find(ctx, made.Result.Images); err != nil || !found {
			return errors.Join(err, r.write(made.Result.Images))
		}
	}
}

// imagesFor returns the images of the services that Slipway builds, as given
// or as a placeholder.
func (r *Rendering) imagesFor(services map[string]project.Service, builds map[string]project.Build) (images map[string]string, unknown []string) {
	images = map[string]string{}
	for name := range services {
		if ref, given := r.Given[name]; given {
			images[name] = ref
		}
	}
	for _, name := range slices.Sorted(maps.Keys(builds)) {
		images[name] = r.Given[name]
		if images[name] == "" {
			images[name] = unbuilt + "/" + name + "@" + noDigest
			unknown = append(unknown, name)
		}
	}
	return images, unknown
}

// pin replaces the images that --images names by reference, or that were found.
func (r *Rendering) pin(made Rendered) ([]byte, error) {
	digests := map[string]string{}
	for _, ref := range made.Result.Images {
		if locked, is := r.locked[ref]; is {
			digests[ref] = locked.Digest
		}
	}
	for name, ref := range r.Given {
		_, isService := made.Request.Images[name]
		switch {
		case slices.Contains(made.Result.Images, name):
			digests[name] = ref
		case !isService:
			return nil, exit.WrongUsage(fmt.Errorf("--images %s: stage %s has neither a service of that name nor that image; it has the images %s", name, made.Request.Stage, strings.Join(made.Result.Images, ", ")))
		}
	}
	return render.Pin(made.Result.Manifests, digests)
}

// guard checks the manifests as the server will: with every image by digest.
func (r *Rendering) guard(made Rendered, at release.Place) ([]guard.Finding, error) {
	digests := map[string]string{}
	for _, ref := range r.Tags(made) {
		digests[ref] = noDigest
	}
	manifests, err := render.Pin(made.Result.Manifests, digests)
	if err != nil {
		return nil, err
	}
	var built []string
	for name := range made.Request.Images {
		ref, _, _ := strings.Cut(made.Request.Images[name], "@")
		built = append(built, ref)
	}
	policy := release.Policy(at, built...)
	policy.Given = release.GivenHosts(slices.Sorted(maps.Keys(made.Request.Services)), at)
	return guard.Check(manifests, policy)
}

// Tags returns the images that only have a tag.
func (r *Rendering) Tags(made Rendered) []string {
	return slices.DeleteFunc(slices.Clone(made.Result.Images), r.isKnown)
}

// Share makes all that is rendered until its end be rendered by one renderer, which
// starts once.
func (r *Rendering) Share(ctx context.Context) (end func()) {
	renderer, stop := r.renderer(ctx)
	r.shared = renderer
	return func() {
		r.shared = nil
		stop()
	}
}

// renderer returns the shared renderer, or a new one.
func (r *Rendering) renderer(ctx context.Context) (runner.Renderer, func()) {
	if r.shared != nil {
		return r.shared, func() {}
	}
	return NewRenderer(ctx, r.Streams)
}

// NewRenderer returns the server's confined renderer where this machine can confine a
// process, and else one in this process, with a warning.
func NewRenderer(ctx context.Context, streams stream.Streams) (runner.Renderer, func()) {
	executable, err := os.Executable()
	if err == nil {
		var pool *worker.Pool
		pool, err = worker.New(ctx, worker.Options{Executable: executable, Arguments: []string{"render-worker"}, Size: 1})
		if err == nil {
			return pool, pool.Close
		}
	}
	warn(streams, "rendering is not confined here: "+exit.MessageOf(err))
	return inProcess{}, func() {}
}

// inProcess renders in this process. What hangs stays behind when the context
// ends, and with it this process.
type inProcess struct{}

// Render collects and renders, for at most a minute.
func (inProcess) Render(ctx context.Context, files fs.FS, request render.Request) (render.Result, error) {
	type outcome struct {
		result render.Result
		err    error
	}
	ctx, cancel := context.WithTimeout(ctx, renderLimit)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		collected, err := render.Collect(ctx, files, request, render.DefaultLimits())
		if err != nil {
			done <- outcome{err: err}
			return
		}
		result, err := render.Render(ctx, request, collected)
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return render.Result{}, fault.New(fault.Invalid, "rendering stage %s took more than %s; simplify its sources", request.Stage, renderLimit)
		}
		return render.Result{}, fmt.Errorf("render stage %s: %w", request.Stage, ctx.Err())
	}
}

func warn(streams stream.Streams, text string) {
	fmt.Fprintln(streams.Err, "warning: "+output.Printable(text))
}

// Report prints what people should know of a rendered stage: warnings, images and
// Secrets that only the server fills in, and refused objects.
func (r *Rendering) Report(made Rendered) {
	for _, warning := range made.Result.Warnings {
		warn(r.Streams, warning)
	}
	for _, name := range made.unknown {
		warn(r.Streams, fmt.Sprintf("service %s: its image is not built here, the digest is zeros; give it with --images %s=REFERENCE@sha256:…", name, name))
	}
	for _, ref := range r.Tags(made) {
		warn(r.Streams, fmt.Sprintf("image %s: the server replaces the tag by the digest that it has at the release, and reads which user, port and volumes the image says; --resolve does so here", ref))
	}
	for _, secret := range made.Result.Secrets {
		warn(r.Streams, fmt.Sprintf("service %s: the server makes the Secret %s, with %s", secret.Service, secret.Name, strings.Join(slices.Sorted(maps.Keys(secret.Values)), ", ")))
	}
	for _, f := range made.Findings {
		fmt.Fprintln(r.Streams.Err, "refused: "+output.Printable(f.String()))
	}
}

// RenderChosen reads all flags and renders the stage that two of them name.
func (r *Rendering) RenderChosen(ctx context.Context, stage, ref string) (Rendered, error) {
	if err := r.Load(); err != nil {
		return Rendered{}, err
	}
	opened, err := r.Open()
	if err != nil {
		return Rendered{}, err
	}
	target, err := Choose(opened.Document.File, stage, ref)
	if err != nil {
		return Rendered{}, err
	}
	return r.RenderStage(ctx, opened, target.Rule, r.Place(opened.Document.File.Project, target.Name))
}
