package seed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// quiet runs steps without a word.
type quiet struct{}

func (quiet) Step(_, _ string, work func() error) error { return work() }
func (quiet) Say(string, ...any)                        {}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// counted is a layer of one file that counts how often it is made.
func counted(name string, below *layer, made *atomic.Int32, inputs ...string) *layer {
	return &layer{
		name: name, below: below,
		inputs: func(context.Context) ([]string, error) { return inputs, nil },
		make: func(context.Context, *workshop) (*oci.Tree, error) {
			made.Add(1)
			tree := oci.NewTree()
			return tree, tree.AddBytes("/"+name, 0o644, []byte(strings.Join(inputs, " ")))
		},
	}
}

func digests(t *testing.T, layers []v1.Layer) []string {
	t.Helper()
	var all []string
	for _, layer := range layers {
		digest, err := layer.Digest()
		must(t, err)
		all = append(all, digest.String())
	}
	return all
}

func TestKeyIsTheWholeRecipe(t *testing.T) {
	var made atomic.Int32
	base := counted("base", nil, &made, "a")
	reference := counted("top", base, &made, "x", "y")
	key := func(l *layer) string {
		key, err := l.key(t.Context())
		must(t, err)
		return key
	}
	if again := counted("top", counted("base", nil, &made, "a"), &made, "x", "y"); key(again) != key(reference) {
		t.Error("the same recipe has two keys")
	}
	for name, other := range map[string]*layer{
		"another name":       counted("tip", base, &made, "x", "y"),
		"another input":      counted("top", base, &made, "x", "z"),
		"inputs run in one":  counted("top", base, &made, "xy"),
		"nothing below":      counted("top", nil, &made, "x", "y"),
		"another base":       counted("top", counted("bass", nil, &made, "a"), &made, "x", "y"),
		"another base input": counted("top", counted("base", nil, &made, "b"), &made, "x", "y"),
	} {
		t.Run(name, func(t *testing.T) {
			if key(other) == key(reference) {
				t.Error("the keys are equal")
			}
		})
	}
}

func TestLayersAreMadeOnce(t *testing.T) {
	var below, top atomic.Int32
	where := t.TempDir()
	results := make([][]string, 8)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() {
			wanted := counted("top", counted("below", nil, &below, "a"), &top, "b")
			layers, err := store{dir: where, report: quiet{}}.layers(t.Context(), wanted)
			if err != nil {
				t.Errorf("layers: %v", err)
				return
			}
			results[i] = digests(t, layers)
		})
	}
	group.Wait()
	if below.Load() != 1 || top.Load() != 1 {
		t.Errorf("made %d and %d times, want once each", below.Load(), top.Load())
	}
	for _, result := range results {
		if diff := cmp.Diff(results[0], result); diff != "" || len(result) != 2 {
			t.Errorf("layers differ:\n%s", diff)
		}
	}
	if left, err := filepath.Glob(filepath.Join(where, "work", "*")); err != nil || len(left) > 0 {
		t.Errorf("work folders are left: %v, %v", left, err)
	}
}

func TestFailedLayerLeavesNothing(t *testing.T) {
	where := t.TempDir()
	broken := &layer{
		name:   "broken",
		inputs: func(context.Context) ([]string, error) { return nil, nil },
		make: func(_ context.Context, shop *workshop) (*oci.Tree, error) {
			return nil, errors.Join(errors.New("no mirror"), os.WriteFile(shop.path("half"), nil, 0o644))
		},
	}
	_, err := store{dir: where, report: quiet{}}.layers(t.Context(), broken)
	if err == nil || !strings.Contains(err.Error(), "layer broken: no mirror") {
		t.Errorf("got %v, want the layer and the cause", err)
	}
	var made atomic.Int32
	if _, err := (store{dir: where, report: quiet{}}).layers(t.Context(), counted("broken", nil, &made)); err != nil || made.Load() != 1 {
		t.Errorf("after a failure: made %d times, error %v", made.Load(), err)
	}
}

func TestDamagedLayerIsReported(t *testing.T) {
	for name, damage := range map[string]func(folder string) error{
		"facts":     func(folder string) error { return os.WriteFile(filepath.Join(folder, layerFacts), []byte("{"), 0o644) },
		"truncated": func(folder string) error { return os.Truncate(filepath.Join(folder, layerFile), 3) },
		"missing":   func(folder string) error { return os.Remove(filepath.Join(folder, layerFile)) },
	} {
		t.Run(name, func(t *testing.T) {
			var made atomic.Int32
			cache := store{dir: t.TempDir(), report: quiet{}}
			_, err := cache.layers(t.Context(), counted("top", nil, &made))
			must(t, err)
			folders, err := filepath.Glob(filepath.Join(cache.dir, "layers", "top-*"))
			must(t, err, damage(folders[0]))
			if _, err := cache.layers(t.Context(), counted("top", nil, &made)); err == nil || !strings.Contains(err.Error(), folders[0]) {
				t.Errorf("got %v, want an error that names %s", err, folders[0])
			}
		})
	}
}

func TestFailedCommandShowsItsLog(t *testing.T) {
	shop, err := openWorkshop(t.TempDir(), "noisy", nil)
	must(t, err)
	defer shop.close()
	err = shop.run(shop.command(t.Context(), "/bin/sh", "-c", "echo first; echo the cause >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), "the cause") || !strings.Contains(err.Error(), shop.log.Name()) {
		t.Errorf("got %v, want the output's end and the log's name", err)
	}
	log, err := os.ReadFile(shop.log.Name())
	must(t, err)
	if !strings.Contains(string(log), "+ /bin/sh -c") || !strings.Contains(string(log), "first\nthe cause") {
		t.Errorf("log:\n%s", log)
	}
}
