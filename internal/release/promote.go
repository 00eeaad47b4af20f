package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/render"
)

// checkPromotion refuses a source that may not feed the stage.
func (w *askedRelease) checkPromotion() *Failure {
	if refused := w.requireNoneRunning(); refused != nil {
		return refused
	}
	if refused := w.requireSource(); refused != nil {
		return refused
	}
	wanted := w.Stage.Spec.PromoteFrom
	switch {
	case w.From.Spec.Stage == w.Stage.Name:
		return refuse(CauseInvalid, "release %s is of stage %s itself; `slipway rollback` goes back to it", w.From.Name, w.Stage.Spec.Name)
	case wanted != "" && w.From.Spec.Stage != naming.StageObject(w.Project.Name, wanted):
		return refuse(CauseInvalid, "stage %s takes only what was released to stage %s (%s), and release %s was not; choose one of its releases", w.Stage.Spec.Name, wanted,
			whereIn(w.document)("stages."+w.rule.Name+".promoteFrom"), w.From.Name)
	case w.FromStage == nil || w.FromStage.Spec.PullRequest != 0:
		return refuse(CauseInvalid, "release %s is of a preview or of a stage that is gone; only what a stage of the file runs can be promoted", w.From.Name)
	}
	return nil
}

// promoted returns the images of the promoted release for the services that
// are built.
func (r *run) promoted(s settled) (map[string]plan.Image, error) {
	images := map[string]plan.Image{}
	var missing []string
	for name, service := range s.services {
		if service.Build == nil {
			continue
		}
		at := slices.IndexFunc(r.From.Status.Services, func(s v1alpha1.ReleaseService) bool { return s.Name == name && s.InputHash != "" && s.Image != "" })
		if at < 0 {
			missing = append(missing, name)
			continue
		}
		from := r.From.Status.Services[at]
		images[name] = plan.Image{Hash: from.InputHash, Ref: from.Image, Inputs: from.Inputs}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, &Failure{Cause: CauseInvalid, Message: fmt.Sprintf("release %s has no image of %s, which stage %s runs, and a promotion builds nothing; release them to %s first",
			r.From.Name, strings.Join(missing, ", "), r.Stage.Spec.Name, r.From.Spec.Stage)}
	}
	return images, nil
}

// promotedDigests returns the digests that the promoted release runs
// references without one at.
func (r *run) promotedDigests(ctx context.Context) (map[string]string, error) {
	manifests, err := attempt(ctx, r, func(ctx context.Context) ([]byte, error) {
		return r.Bundles.Get(ctx, r.Inputs, r.From.Status.Bundle, r.From.Status.BundleDigest)
	})
	if err != nil {
		return nil, err
	}
	return render.Pinned(manifests)
}
