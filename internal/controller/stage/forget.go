package stage

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

// How many finished releases a stage keeps: of those that count in its life, of those
// by which it fell asleep or woke, of those that were refused, and how many more may
// gather before they go together.
const (
	keptReleases   = 20
	keptRests      = 5
	keptRefused    = 5
	surplusAllowed = 5
)

// forget deletes finished releases beyond those that are kept, and the bundles
// that none of the rest has. What the stage's life hangs on always stays: the
// last good release, the last that a push made, what was brought last, what the stage
// has now and what is quarantined.
func (r *Reconciler) forget(ctx context.Context, stage *v1alpha1.Stage, releases []v1alpha1.Release, history release.History) error {
	gone := surplus(stage, releases, history)
	if len(gone) <= surplusAllowed || r.Queue.Busy(client.ObjectKeyFromObject(stage)) {
		return nil
	}
	for i := range releases {
		if !gone[releases[i].Name] {
			continue
		}
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, &releases[i])); err != nil {
			return fmt.Errorf("delete release %s: %w", releases[i].Name, err)
		}
	}
	var used []string
	for _, rel := range releases {
		if !gone[rel.Name] && rel.Status.Bundle != "" {
			used = append(used, rel.Status.Bundle)
		}
	}
	return r.Targets.PruneBundles(ctx, stage, 1, used)
}

// surplus returns the names of the releases that may go.
func surplus(stage *v1alpha1.Stage, releases []v1alpha1.Release, history release.History) map[string]bool {
	kept := []string{stage.Status.Good}
	for _, rel := range []*v1alpha1.Release{history.Good(), history.Pushed(), history.LastDeploy(), history.Present()} {
		if rel != nil {
			kept = append(kept, rel.Name)
		}
	}
	if q := history.Quarantine(stage.Status.Quarantine); q != nil {
		kept = append(kept, q.Release)
	}
	gone := map[string]bool{}
	others, rests, refused := 0, 0, 0
	for _, rel := range history {
		seen, most := &others, keptReleases
		if rel.Spec.Trigger.Rests() {
			seen, most = &rests, keptRests
		}
		if *seen++; *seen > most && rel.Status.Phase.Done() && !slices.Contains(kept, rel.Name) {
			gone[rel.Name] = true
		}
	}
	for _, rel := range releases { // newest first
		if release.IsRefused(&rel) {
			refused++
			gone[rel.Name] = refused > keptRefused
		}
	}
	for name, goes := range gone {
		if !goes {
			delete(gone, name)
		}
	}
	return gone
}
