package render

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render/omit"
)

// BuiltImage is the registry, in the repository's own manifests, of images
// that Slipway builds: slipway.local/web stands for the image of service web.
const BuiltImage = "slipway.local"

// layers puts the overlays over the bases, and the stage over all.
func (l *layout) layers(bases []string) error {
	resources := bases
	for i, overlay := range l.files.Overlays {
		next, err := l.overlay(i, overlay, resources)
		if err != nil {
			return err
		}
		resources = []string{next}
	}
	return l.stageLayer(resources)
}

// overlay puts one overlay over the directories of the layer before and returns
// the directory that holds all.
func (l *layout) overlay(index int, overlay Overlay, resources []string) (string, error) {
	dir := join(repoDir, overlay.Directory)
	if overlay.Component {
		layer := fmt.Sprintf("%s/%d", layersDir, index)
		return layer, l.write(layer, types.Kustomization{
			Resources:  from("../..", resources),
			Components: []string{join("../..", dir)},
		})
	}
	if index > 0 && slices.Contains(overlay.Reaches, l.files.Overlays[index-1].Directory) {
		return dir, nil // it brings the layer before itself
	}
	return dir, l.edit(join(repoDir, overlay.File), func(k *types.Kustomization) {
		k.Resources = append(from(up(dir), resources), k.Resources...)
	})
}

// from returns the directories as seen from one that is so far below the root.
func from(up string, dirs []string) []string {
	seen := make([]string, len(dirs))
	for i, dir := range dirs {
		seen[i] = join(up, dir)
	}
	return seen
}

// up returns the relative path from dir to the root.
func up(dir string) string {
	return strings.Repeat("../", strings.Count(dir, "/")+1)
}

// stageLayer leaves out what Slipway makes itself, and puts every other object into the stage: its namespace, its labels, the
// images that were built for it, the Secret that they are pulled with, and the
// order of the output.
func (l *layout) stageLayer(resources []string) error {
	var metadata []string
	if l.request.Explain {
		metadata = []string{types.OriginAnnotations, types.TransformerAnnotations}
	}
	return l.write(".", types.Kustomization{
		BuildMetadata: metadata,
		Resources:     resources,
		Namespace:     l.request.namespace(),
		Labels: labels(map[string]string{
			naming.LabelManagedBy:    naming.ManagedBy,
			naming.LabelOrganization: naming.LabelValue(l.request.Organization),
			naming.LabelProject:      naming.LabelValue(l.request.Project),
			naming.LabelStage:        naming.LabelValue(l.request.Stage),
		}),
		Images:      l.builtImages(),
		Patches:     append(l.leaveOut(), pullPatches(l.request.ImagePullSecret)...),
		SortOptions: &types.SortOptions{Order: types.LegacySortOrder},
	})
}

// leaveOut returns patches that delete what a stage does without, and warns of each.
func (l *layout) leaveOut() []types.Patch {
	patches, omissions := omit.Find(l.tree)
	for _, o := range omissions {
		l.warnings = append(l.warnings, fmt.Sprintf("%s: %s %s", l.place(o.Declaration), o, o.What))
	}
	return patches
}

// builtImages replaces slipway.local/<service> where a file mentions it.
func (l *layout) builtImages() []types.Image {
	var images []types.Image
	for _, service := range slices.Sorted(maps.Keys(l.request.Images)) {
		name := BuiltImage + "/" + service
		if !l.mentions(name) {
			continue
		}
		repository, digest, pinned := strings.Cut(l.request.Images[service], "@")
		image := types.Image{Name: name, NewName: repository, Digest: digest}
		if !pinned {
			image.NewName, image.NewTag = splitTag(repository)
		}
		images = append(images, image)
	}
	return images
}

func (l *layout) mentions(text string) bool {
	for _, data := range l.tree {
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}

func splitTag(ref string) (string, string) {
	if at := strings.LastIndexByte(ref, ':'); at > strings.LastIndexByte(ref, '/') {
		return ref[:at], ref[at+1:]
	}
	return ref, ""
}
