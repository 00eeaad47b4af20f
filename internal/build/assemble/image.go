package assemble

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// finish returns the image of a stage. Its format is its base image's.
func (s *stage) finish(ctx context.Context) (v1.Image, error) {
	manifest, config, layerType := types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer
	if s.base != nil && s.base.image.Manifest.MediaType == types.DockerManifestSchema2 {
		manifest, config, layerType = types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer
	}
	var added []mutate.Addendum
	if s.base != nil {
		layers, err := s.order.registry.Layers(ctx, s.base.image)
		if err != nil {
			return nil, err
		}
		for i, layer := range layers {
			added = append(added, mutate.Addendum{Layer: layer, MediaType: s.base.image.Manifest.Layers[i].MediaType})
		}
	}
	for _, nodes := range s.layers {
		layer, err := newLayer(layerType, archiveOf(ctx, nodes, s.order.Tree, s.order.Created))
		if err != nil {
			return nil, err
		}
		added = append(added, mutate.Addendum{Layer: layer, MediaType: layerType})
	}
	if len(added) == 0 {
		return nil, obstacle(0, "it has no files at all")
	}
	for _, one := range added {
		id, err := one.Layer.DiffID()
		if err != nil {
			return nil, err
		}
		s.config.RootFS.DiffIDs = append(s.config.RootFS.DiffIDs, id)
	}
	s.config.Created = v1.Time{Time: s.order.Created}
	if s.base != nil {
		s.config.History = append(s.config.History, s.base.image.Config.History...)
	}
	s.config.History = append(s.config.History, s.history...)
	return compose(added, s.config, manifest, config)
}

// compose puts layers under a configuration that says all of them.
func compose(added []mutate.Addendum, config *v1.ConfigFile, manifestType, configType types.MediaType) (v1.Image, error) {
	image, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, manifestType), configType), added...)
	if err == nil {
		image, err = mutate.ConfigFile(image, config)
	}
	if err != nil {
		return nil, fmt.Errorf("put the image together: %w", err)
	}
	return image, nil
}
