package seed

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// Reporter tells a person what is being done. progress.Reporter is one.
type Reporter interface {
	Step(subject, verb string, work func() error) error
	Say(format string, args ...any)
}

// Seeder makes and pushes images. Several Seeders, also of other processes,
// may share a cache: one makes a layer, the others wait for it.
type Seeder struct {
	store   store
	machine machine
	report  Reporter
}

// New returns a Seeder that keeps layers in the images folder of cache. Source
// is the folder of the devcluster module, from whose checkout the pause and
// kaniko programs are compiled.
func New(cache, source string, report Reporter) *Seeder {
	return &Seeder{
		store:   store{dir: filepath.Join(cache, "images"), report: report},
		machine: machine{source: source},
		report:  report,
	}
}

// Push makes the named images where the cache lacks them and pushes them, and
// all their further tags, to the registry at host (HOST:PORT, plain HTTP).
func (s *Seeder) Push(ctx context.Context, host string, names ...string) error {
	for _, name := range names {
		recipe, err := s.find(name)
		if err != nil {
			return err
		}
		image, err := s.make(ctx, recipe)
		if err != nil {
			return err
		}
		for _, ref := range recipe.refs {
			if _, err := s.push(ctx, image, host+"/"+ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// PushAs makes the named image and pushes it as ref instead of its own tags. It
// returns the digest.
func (s *Seeder) PushAs(ctx context.Context, name, ref string) (v1.Hash, error) {
	recipe, err := s.find(name)
	if err != nil {
		return v1.Hash{}, err
	}
	image, err := s.make(ctx, recipe)
	if err != nil {
		return v1.Hash{}, err
	}
	return s.push(ctx, image, ref)
}

// push says what happened: sent, or there already.
func (s *Seeder) push(ctx context.Context, image v1.Image, ref string) (v1.Hash, error) {
	began := time.Now()
	digest, sent, err := oci.Push(ctx, image, ref, true)
	if err != nil {
		return v1.Hash{}, err
	}
	verb := "was there"
	if sent {
		verb = "pushed"
	}
	s.report.Say("%s: %s as %s in %s", ref, verb, digest, time.Since(began).Round(time.Millisecond))
	return digest, nil
}

// make assembles the image from its layers.
func (s *Seeder) make(ctx context.Context, recipe recipe) (v1.Image, error) {
	layers, err := s.store.layers(ctx, recipe.top)
	if err != nil {
		return nil, fmt.Errorf("make image %s: %w", recipe.name, err)
	}
	image, err := oci.Assemble(nil, recipe.config, layers...)
	if err != nil {
		return nil, fmt.Errorf("make image %s: %w", recipe.name, err)
	}
	return image, nil
}

// find matches a name as people write it: busybox, busybox:1.36, library/busybox:1.36.
func (s *Seeder) find(name string) (recipe, error) {
	wanted := strings.TrimPrefix(name, "library/")
	var known []string
	for _, candidate := range s.machine.recipes() {
		for _, ref := range candidate.refs {
			short := strings.TrimPrefix(ref, "library/")
			repository, _, _ := strings.Cut(short, ":")
			if wanted == short || wanted == repository {
				return candidate, nil
			}
			known = append(known, short)
		}
	}
	return recipe{}, fmt.Errorf("seed %s: no recipe of that name; there are %s", name, strings.Join(known, ", "))
}
