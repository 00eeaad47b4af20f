package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// goneTimeout is how long a deleted object may take to vanish.
const goneTimeout = 2 * time.Minute

// maxDeletes is how often a delete is tried of an object that keeps changing.
const maxDeletes = 8

// checkReplace has the server check the object as a new one, so that nothing
// is deleted that could not be made again.
func (r *run) checkReplace(ctx context.Context, c *change) error {
	body, err := r.body(c)
	if err != nil {
		return err
	}
	return r.applier.client.CheckCreate(ctx, c.document.Ref, body)
}

// replace deletes the object and creates it again. The pods of a StatefulSet whose
// volumes grow go on running.
func (r *run) replace(ctx context.Context, c *change) error {
	if err := r.checkReplace(ctx, c); err != nil {
		return err
	}
	ref := c.document.Ref
	seen := c.live.UID
	propagation := propagationOf(ref)
	if c.orphan {
		propagation = metav1.DeletePropagationOrphan
	}
	if err := r.growClaims(ctx, c, false); err != nil {
		return err
	}
	if _, err := r.applier.deleteSeen(ctx, ref, c.live, propagation, func(s *cluster.State) bool { return s.UID == seen }); err != nil {
		return err
	}
	if err := r.waitUntilGone(ctx, ref, seen); err != nil {
		return err
	}
	return r.patch(ctx, c, false)
}

// recordReplacement records that an object is about to get another UID. During
// the dry run it does nothing: recordIntent follows.
func (r *run) recordReplacement(ctx context.Context, c *change) error {
	if !r.writing {
		return nil
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	entry := c.entry
	r.intend(&entry, c)
	entry.Digest, entry.Fields, entry.Done = "", "", false
	r.describe(&entry, c)
	r.inventory.Put(entry)
	r.dirty = true
	if err := r.applier.store.Save(ctx, r.inventory); err != nil {
		return fmt.Errorf("record that %s will be replaced: %w", c.document.Ref, err)
	}
	return nil
}

// deleteSeen deletes an object for as long as isOurs holds of it. It reads the
// object again when it changed since it was seen, and returns false when the
// object is gone or is not ours any more.
func (a *Applier) deleteSeen(ctx context.Context, ref inventory.Ref, seen *cluster.State, propagation metav1.DeletionPropagation, isOurs func(*cluster.State) bool) (bool, error) {
	for range maxDeletes {
		if !isOurs(seen) {
			return false, nil
		}
		if seen.Deleting {
			return true, nil
		}
		err := a.client.Delete(ctx, ref, seen, propagation)
		switch {
		case err == nil:
			return true, nil
		case apierrors.IsNotFound(err):
			return false, nil
		case !apierrors.IsConflict(err):
			return false, refusal.Explain(ref, err)
		}
		meta, err := a.client.Get(ctx, ref)
		if err != nil {
			return false, refusal.Explain(ref, err)
		}
		if meta == nil {
			return false, nil
		}
		seen = cluster.StateOf(ref, meta)
	}
	return false, refusal.New(ref, cause.Unavailable, fault.Unavailable, "it keeps changing while it is deleted", "it is tried again")
}

// propagationOf says what becomes of what belongs to a deleted object.
func propagationOf(ref inventory.Ref) metav1.DeletionPropagation {
	if ref.Kind == "Job" {
		return metav1.DeletePropagationForeground // two runs of one Job never overlap
	}
	return metav1.DeletePropagationBackground
}

// waitUntilGone waits until the object with a UID does not exist any more.
func (r *run) waitUntilGone(ctx context.Context, ref inventory.Ref, uid string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, goneTimeout, errNotGone)
	defer cancel()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		meta, err := r.applier.client.Get(ctx, ref)
		if err == nil && (meta == nil || string(meta.UID) != uid) {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errNotGone) {
				return refusal.New(ref, cause.Unavailable, fault.Unavailable, "it is being deleted and does not vanish within "+goneTimeout.String(), "see which finalizer holds it")
			}
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

var errNotGone = errors.New("the object is still there")

// emptyOf returns the body of an apply that owns no field of an object.
func emptyOf(ref inventory.Ref, uid string) ([]byte, error) {
	body, err := json.Marshal(map[string]any{
		"apiVersion": ref.APIVersion(), "kind": ref.Kind,
		"metadata": map[string]any{"name": ref.Name, "namespace": ref.Namespace, "uid": uid},
	})
	if err != nil {
		return nil, fmt.Errorf("encode an empty %s: %w", ref.Kind, err)
	}
	return body, nil
}
