package guard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Foreign reports whether an image is another project's or organization's: it lies in
// the cluster's registry where images of projects do, ORGANIZATION/PROJECT below
// Builds, and is not open to this one. What is no reference is nobody's.
func (p Policy) Foreign(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil || p.Builds == "" {
		return false
	}
	at := v1alpha1.ImagePath(named.Name())
	below, inside := strings.CutPrefix(at, v1alpha1.ImagePath(p.Builds)+"/")
	if !inside || !strings.Contains(below, "/") {
		return false
	}
	if p.Apart != "" && isBelow(at, p.Apart) && !isBelow(at, p.Class) {
		return true
	}
	return !slices.ContainsFunc(p.Open, func(open string) bool { return isBelow(at, open) })
}

// isBelow reports whether a path of images is another one, or below it. Nothing is below
// an empty one.
func isBelow(at, path string) bool {
	path = v1alpha1.ImagePath(path)
	return path != "" && (at == path || strings.HasPrefix(at, path+"/"))
}

func (c *check) refuseForeign(path, image string) {
	c.refuse(RuleImageOwner, path, "%s is not this project's: of the cluster's registry it may use its own images and shared ones (%s); the platform team shares others in spec.registry.shared of the Cluster", image, strings.Join(c.policy.Open, ", "))
}

// foreignImages looks for images of others in all texts of a kind that guard knows
// nothing of: it may make pods.
func (c *check) foreignImages(path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range keys(v) {
			c.foreignImages(join(path, name), v[name])
		}
	case []any:
		for i, element := range v {
			c.foreignImages(fmt.Sprintf("%s[%d]", path, i), element)
		}
	case string:
		image := v
		if _, after, found := strings.Cut(v, "://"); found {
			image = after // oci://…
		}
		if c.policy.Foreign(image) {
			c.refuseForeign(path, v)
		}
	}
}
