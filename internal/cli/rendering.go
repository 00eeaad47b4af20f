package cli

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

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/worker"
)

const (
	// noDigest stands for a digest that only a build or a registry knows.
	noDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	// unbuilt is the registry, in rendered manifests, of images that were not
	// given with --images.
	unbuilt = "unbuilt.slipway.local"
	// patience is how long rendering in this process may take.
	patience = time.Minute
)

// rendering is what the commands that render share.
type rendering struct {
	repository
	site
	images []string
	given  map[string]string
}

// rendered is one rendered stage.
type rendered struct {
	snapshot snapshot
	rule     string
	request  render.Request
	result   render.Result
	findings []guard.Finding
	// unknown are the services whose image is a placeholder.
	unknown []string
}

func (r *rendering) flags(command *cobra.Command) {
	r.repository.flags(command)
	r.site.flags(command)
	command.Flags().StringSliceVar(&r.images, "images", nil, "images by digest: SERVICE=REFERENCE@sha256:… for what Slipway builds, IMAGE:TAG=REFERENCE@sha256:… for others")
}

// load reads the flags once, before anything is rendered.
func (r *rendering) load() error {
	r.given = map[string]string{}
	byDigest := regexp.MustCompile(`^[^\s@]+@sha256:[0-9a-f]{64}$`)
	for _, pair := range r.images {
		name, ref, found := strings.Cut(pair, "=")
		if !found || !byDigest.MatchString(ref) {
			return &usageError{fmt.Errorf("--images %.200q: write SERVICE=REFERENCE@sha256:… with the 64 hexadecimal digits of the digest", pair)}
		}
		r.given[name] = ref
	}
	return r.site.load()
}

// stage renders a stage as if it were placed at a place, with the server's own
// mapping, and holds the result to the cluster's policy.
func (r *rendering) stage(ctx context.Context, from snapshot, rule project.Stage, at release.Place) (rendered, error) {
	services, _, err := release.Services(from.document, rule.Name, r.templates)
	if err != nil {
		return rendered{}, err
	}
	made := rendered{snapshot: from, rule: rule.Name, request: release.RenderRequest(services, rule, at)}
	made.request.Commit = from.commit
	if made.request.Images, made.unknown, err = r.imagesFor(made.request); err != nil {
		return rendered{}, err
	}
	renderer, end := r.renderer(ctx)
	defer end()
	if made.result, err = renderer.Render(ctx, from.files, made.request); err != nil {
		return rendered{}, err
	}
	if made.result.Manifests, err = r.pin(made); err != nil {
		return rendered{}, err
	}
	if made.findings, err = r.guard(made, at); err != nil || len(made.findings) == 0 {
		return made, err
	}
	files, err := render.Origins(ctx, renderer, from.files, made.request)
	made.findings = guard.Locate(made.findings, files)
	return made, err
}

// imagesFor returns the images of the services that Slipway builds, as given
// or as a placeholder.
func (r *rendering) imagesFor(request render.Request) (images map[string]string, unknown []string, err error) {
	services, _, err := render.ExpandTemplates(request.Services, request.Templates)
	if err != nil {
		return nil, nil, err
	}
	images = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		ref, given := r.given[name]
		switch {
		case given:
			images[name] = ref
		case services[name].Source() == project.SourceBuild:
			images[name] = unbuilt + "/" + name + "@" + noDigest
			unknown = append(unknown, name)
		}
	}
	return images, unknown, nil
}

// pin replaces the images that --images names by reference.
func (r *rendering) pin(made rendered) ([]byte, error) {
	digests := map[string]string{}
	for name, ref := range r.given {
		_, isService := made.request.Images[name]
		switch {
		case slices.Contains(made.result.Images, name):
			digests[name] = ref
		case !isService:
			return nil, &usageError{fmt.Errorf("--images %s: stage %s has neither a service of that name nor that image; it has the images %s", name, made.request.Stage, strings.Join(made.result.Images, ", "))}
		}
	}
	return render.Pin(made.result.Manifests, digests)
}

// guard checks the manifests as the server will: with every image by digest.
func (r *rendering) guard(made rendered, at release.Place) ([]guard.Finding, error) {
	digests := map[string]string{}
	for _, ref := range r.tags(made) {
		digests[ref] = noDigest
	}
	manifests, err := render.Pin(made.result.Manifests, digests)
	if err != nil {
		return nil, err
	}
	var built []string
	for name := range made.request.Images {
		ref, _, _ := strings.Cut(made.request.Images[name], "@")
		built = append(built, ref)
	}
	policy := release.Policy(r.cluster, at, built...)
	policy.Given = release.Given(slices.Sorted(maps.Keys(made.request.Services)), at)
	return guard.Check(manifests, policy)
}

// tags returns the images that only have a tag.
func (r *rendering) tags(made rendered) []string {
	return slices.DeleteFunc(slices.Clone(made.result.Images), func(ref string) bool { return r.given[ref] != "" })
}

// renderer returns the server's confined renderer where this machine can
// confine a process, and else one in this process, with a warning.
func (r *rendering) renderer(ctx context.Context) (runner.Renderer, func()) {
	executable, err := os.Executable()
	if err == nil {
		var pool *worker.Pool
		pool, err = worker.New(ctx, worker.Options{Executable: executable, Arguments: []string{"render-worker"}, Size: 1})
		if err == nil {
			return pool, pool.Close
		}
	}
	r.warn("rendering is not confined here: " + messageOf(err))
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
	ctx, cancel := context.WithTimeout(ctx, patience)
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
			return render.Result{}, fault.New(fault.Invalid, "rendering stage %s took more than %s; simplify its sources", request.Stage, patience)
		}
		return render.Result{}, fmt.Errorf("render stage %s: %w", request.Stage, ctx.Err())
	}
}

func (r *rendering) warn(text string) {
	fmt.Fprintln(r.streams.Err, "warning: "+printable(text))
}

// tell prints what people should know of a rendered stage.
func (r *rendering) tell(made rendered) {
	for _, warning := range made.result.Warnings {
		r.warn(warning)
	}
	for _, name := range made.unknown {
		r.warn(fmt.Sprintf("service %s: its image is not built here, the digest is zeros; give it with --images %s=REFERENCE@sha256:…", name, name))
	}
	for _, ref := range r.tags(made) {
		r.warn(fmt.Sprintf("image %s: the server replaces the tag by the digest that it has at the release", ref))
	}
	for _, secret := range made.result.Secrets {
		r.warn(fmt.Sprintf("service %s: the server makes the Secret %s, with %s", secret.Service, secret.Name, strings.Join(slices.Sorted(maps.Keys(secret.Values)), ", ")))
	}
	for _, f := range made.findings {
		fmt.Fprintln(r.streams.Err, "refused: "+printable(f.String()))
	}
}
