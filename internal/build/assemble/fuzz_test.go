package assemble_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/assemble"
	"github.com/slipway-dev/slipway/internal/build/buildtest"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// nowhere is a registry that has nothing and forgets what it is given.
type nowhere struct{}

func (nowhere) Exists(context.Context, string, string) (string, bool, error) { return "", false, nil }
func (nowhere) Pull(context.Context, string, string) (*build.Pulled, error) {
	return nil, fault.New(fault.NotFound, "there is no such image")
}
func (nowhere) Layers(context.Context, *build.Pulled) ([]v1.Layer, error) { return nil, nil }
func (nowhere) Push(_ context.Context, _, _ string, image v1.Image) (string, error) {
	digest, err := image.Digest()
	return digest.String(), err
}

// Any bytes for a Dockerfile, and for an ignore file, make an image, an obstacle or a coded
// error, in bounded time and space.
func FuzzAssemble(f *testing.F) {
	for _, c := range buildtest.Corpus() {
		f.Add([]byte(strings.ReplaceAll(c.Dockerfile, "BASE", "scratch")), c.Files[".dockerignore"].Data, c.Args["N"])
	}
	f.Fuzz(func(t *testing.T, dockerfile []byte, ignore, value string) {
		tree := gittest.NewTree(t, map[string]gittest.File{
			"Dockerfile": {Data: string(dockerfile)}, ".dockerignore": {Data: ignore}, "a": {Data: "a"}, "d/b": {Data: "b"}, "site/index.html": {Data: "hi"},
		}, nil)
		o := assemble.Order{Name: "Dockerfile", Dockerfile: dockerfile, Tree: tree, Context: ".", Repository: "registry.example/acme/shop", Hash: strings.Repeat("a", 64)}
		o.Parameters = build.Parameters{Args: map[string]string{"N": value}, Platform: "linux/amd64", Base: func(string) (build.BaseConfig, error) {
			return build.BaseConfig{Env: []string{"A=" + value}}, nil
		}}
		stages, err := build.Evaluate("Dockerfile", dockerfile, o.Parameters)
		o.Scope = scope.Of("Dockerfile", stages, err)
		var found *assemble.Obstacle
		_, err = assemble.New(assemble.Options{}).Assemble(t.Context(), nowhere{}, o)
		if err != nil && !errors.As(err, &found) && fault.CodeOf(err) != fault.NotFound && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("an error that nobody expects: %v", err)
		}
	})
}
