package seed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/lock"
)

// layerFormat goes into every key: raise it when the way layers are written changes.
const layerFormat = 2

// layer is one step of a recipe.
type layer struct {
	name string
	// verb tells a person what making it does and how long that may take.
	verb  string
	below *layer
	// inputs is everything that decides the content, as text.
	inputs func(ctx context.Context) ([]string, error)
	// make returns the layer's files; they must stay readable until it is written.
	make func(ctx context.Context, shop *workshop) (*oci.Tree, error)
}

// key is the hash of the layer's whole recipe with those of the layers below.
func (l *layer) key(ctx context.Context) (string, error) {
	inputs, err := l.inputs(ctx)
	if err != nil {
		return "", fmt.Errorf("find what layer %s is made of: %w", l.name, err)
	}
	recipe := struct {
		Format       int
		Name         string
		Architecture string
		Below        string
		Inputs       []string
	}{Format: layerFormat, Name: l.name, Architecture: runtime.GOARCH, Inputs: inputs}
	if l.below != nil {
		if recipe.Below, err = l.below.key(ctx); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(recipe)
	if err != nil {
		return "", fmt.Errorf("hash layer %s: %w", l.name, err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// store keeps finished layers in dir, one folder for each key.
type store struct {
	dir    string
	report Reporter
}

// layers returns the stack that ends in top, bottom first, making what is missing.
func (s store) layers(ctx context.Context, top *layer) ([]v1.Layer, error) {
	var stack []v1.Layer
	if top.below != nil {
		below, err := s.layers(ctx, top.below)
		if err != nil {
			return nil, err
		}
		stack = below
	}
	made, err := s.layer(ctx, top, stack)
	if err != nil {
		return nil, err
	}
	return append(stack, made), nil
}

// layer returns a finished layer from the cache or makes it on top of below.
func (s store) layer(ctx context.Context, wanted *layer, below []v1.Layer) (*oci.Layer, error) {
	key, err := wanted.key(ctx)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(s.dir, "layers", wanted.name+"-"+key)
	if done, err := readLayer(folder); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return done, err
	}
	var done *oci.Layer
	err = s.report.Step("layer "+wanted.name, wanted.verb, func() error {
		done, err = s.makeOnce(ctx, wanted, below, folder)
		return err
	})
	return done, err
}

// makeOnce holds the layer's lock, so that one process makes it at a time.
func (s store) makeOnce(ctx context.Context, wanted *layer, below []v1.Layer, folder string) (*oci.Layer, error) {
	held, err := lock.Acquire(ctx, filepath.Join(s.dir, "layers", wanted.name+".lock"))
	if err != nil {
		return nil, err
	}
	defer held.Release()
	if done, err := readLayer(folder); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return done, err // another process made it while this one waited
	}
	shop, err := openWorkshop(s.dir, wanted.name, below)
	if err != nil {
		return nil, err
	}
	defer shop.close()
	ctx, cancel := context.WithTimeout(ctx, makeLimit)
	defer cancel()
	tree, err := wanted.make(ctx, shop)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", wanted.name, err)
	}
	if wanted.below == nil {
		tree.AddParents()
	}
	if err := writeLayer(tree, folder); err != nil {
		return nil, fmt.Errorf("layer %s: %w", wanted.name, err)
	}
	return readLayer(folder)
}

// layerFile and layerFacts are what a layer's folder holds.
const (
	layerFile  = "layer.tar.gz"
	layerFacts = "layer.json"
)

// writeLayer writes beside folder and renames: a folder that exists is complete.
func writeLayer(tree *oci.Tree, folder string) error {
	next := folder + ".next"
	if err := os.RemoveAll(next); err != nil {
		return fmt.Errorf("clean %s: %w", next, err)
	}
	if err := os.MkdirAll(next, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", next, err)
	}
	made, err := oci.WriteLayer(filepath.Join(next, layerFile), tree)
	if err != nil {
		return err
	}
	facts, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("write down digests: %w", err)
	}
	if err := os.WriteFile(filepath.Join(next, layerFacts), facts, 0o644); err != nil {
		return fmt.Errorf("write down digests: %w", err)
	}
	if err := os.Rename(next, folder); err != nil {
		return fmt.Errorf("keep layer: %w", err)
	}
	return nil
}

// readLayer opens a finished layer; fs.ErrNotExist means that there is none.
func readLayer(folder string) (*oci.Layer, error) {
	facts, err := os.ReadFile(filepath.Join(folder, layerFacts))
	if err != nil {
		return nil, fmt.Errorf("read cached layer: %w", err)
	}
	var found oci.Layer
	if err := json.Unmarshal(facts, &found); err != nil {
		return nil, fmt.Errorf("read cached layer %s: %w; remove that folder and seed again", folder, err)
	}
	found.File = filepath.Join(folder, layerFile)
	info, err := os.Stat(found.File)
	if err != nil || info.Size() != found.Bytes {
		return nil, fmt.Errorf("cached layer %s is damaged; remove that folder and seed again", folder)
	}
	return &found, nil
}
