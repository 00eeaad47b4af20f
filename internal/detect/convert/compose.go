package convert

import (
	"context"
	"path"
	"slices"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/source"
)

// composeFiles returns those of the set that is most likely meant.
func composeFiles(t *files.Tree) []string {
	for _, set := range source.ComposeSets(t) {
		if set.Purpose == "" || path.Dir(set.Files[0]) == "." {
			return set.Files
		}
	}
	return nil
}

// fromCompose makes services of slipway.yaml of all that a Compose file says,
// also of those with an image. What slipway.yaml has no words for stays in the
// file.
func fromCompose(ctx context.Context, c *conversion) error {
	composed, err := source.Compose(ctx, c.tree, source.ComposeSet{Files: slices.Clone(c.names)}, true)
	if err != nil {
		return err
	}
	c.Services, c.Left = composed.Native, composed.Left
	if composed.Rest != nil {
		c.Services = append(c.Services, *composed.Rest)
	}
	return nil
}
