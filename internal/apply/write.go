package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// validate has the server check every change in a dry run, and returns those that it
// refuses. A single change needs no check: that is the change itself.
func (r *run) validate(ctx context.Context) ([]refused, error) {
	writes := r.work.writes()
	if len(writes) < 2 || r.repair != nil { // the server accepted before what is repaired
		return nil, nil
	}
	var mutex sync.Mutex
	var problems []refused
	failed := cluster.Each(ctx, writes, func(ctx context.Context, c *change) error {
		err := r.send(ctx, c, true)
		var object *refusal.ObjectError
		switch {
		case err == nil || r.dependsOnSet(c, err):
			return nil
		case !errors.As(err, &object):
			return err
		}
		mutex.Lock()
		defer mutex.Unlock()
		problems = append(problems, refused{c, err})
		return nil
	})
	return problems, refusal.Join(failed)
}

// dependsOnSet reports whether a check failed only because an object of the
// same set does not exist yet: a role binding's role.
func (r *run) dependsOnSet(c *change, err error) bool {
	var problem *refusal.ObjectError
	if !errors.As(err, &problem) || c.document.Ref.Kind != "RoleBinding" || problem.Code != fault.NotFound {
		return false
	}
	for _, other := range r.work.changes {
		if other.action == actionCreate && other.document.Ref.Kind == "Role" {
			return true
		}
	}
	return false
}

// write makes the changes, group after group, and stops at the first group
// that fails. A repair goes on: its objects existed side by side before.
func (r *run) write(ctx context.Context) error {
	var steps [groups][]*change
	for _, c := range r.work.changes {
		hook := c.entry.Hook
		if c.document.Object != nil {
			hook = c.document.Hook()
		}
		if c.action == actionNone && (!hook || c.finished() || r.set.Rests) {
			continue
		}
		if err := c.document.Parse(r.set); err != nil {
			return err
		}
		steps[c.group()] = append(steps[c.group()], c)
	}
	if single := r.work.writes(); len(single) == 1 && r.repair == nil {
		return r.writeSingle(ctx, single[0], steps)
	}
	return r.writeSteps(ctx, steps)
}

// writeSingle makes the only change of a set, which nobody checked before.
func (r *run) writeSingle(ctx context.Context, c *change, steps [groups][]*change) error {
	err := r.writeSteps(ctx, steps)
	var failure *refusal.Failure
	if r.partial != nil || !errors.As(err, &failure) {
		return err
	}
	return r.withhold([]refused{{c, failure.Objects[0]}})
}

// writeSteps makes changes, step after step.
func (r *run) writeSteps(ctx context.Context, steps [groups][]*change) (problem error) {
	for g, changes := range steps {
		var err error
		switch group(g) {
		case groupHook:
			err = r.runHooks(ctx, changes)
		case groupOnce:
			err = r.runInTurn(ctx, changes)
		default:
			err = r.writeAll(ctx, changes)
		}
		switch {
		case err != nil && r.repair == nil:
			return err
		case problem == nil:
			problem = err
		}
	}
	return problem
}

// writeAll makes changes of one group in parallel.
func (r *run) writeAll(ctx context.Context, changes []*change) error {
	return refusal.Join(cluster.Each(ctx, changes, func(ctx context.Context, c *change) error {
		return r.send(ctx, c, false)
	}))
}

// maxSends is how often one object is sent when the server's answers ask for
// another way.
const maxSends = 4

// send makes one change, or has the server check it. An answer about
// conflicting or immutable fields changes how the object is sent; the change
// keeps what a check found out.
func (r *run) send(ctx context.Context, c *change, dryRun bool) error {
	for range maxSends {
		var err error
		switch {
		case c.action == actionReplace && dryRun:
			err = r.checkReplace(ctx, c)
		case c.action == actionReplace:
			err = r.replace(ctx, c)
		case c.action == actionCreate && !dryRun && c.live != nil && c.live.Deleting:
			if err = r.waitUntilGone(ctx, c.document.Ref, c.live.UID); err == nil {
				err = r.patch(ctx, c, dryRun)
			}
		case c.action == actionCreate && c.live != nil && c.live.Deleting:
			err = r.checkReplace(ctx, c)
		default:
			err = r.patch(ctx, c, dryRun)
		}
		if status := refusal.StatusOf(err); err == nil || dryRun && status != nil && c.mayReclaim(status) {
			return nil
		}
		again, err := r.reconsider(ctx, c, err)
		if !again {
			return err
		}
	}
	return fmt.Errorf("%s: %w", c.document.Ref, errStale)
}

// reconsider looks for another way to make a change that was refused.
func (r *run) reconsider(ctx context.Context, c *change, err error) (again bool, _ error) {
	status := refusal.StatusOf(err)
	if status == nil {
		return false, r.explainUnanswered(ctx, c, err)
	}
	conflicts := refusal.ConflictsOf(c.document.Ref, status)
	switch {
	case len(conflicts) > 0 && !c.force:
		return r.resolveConflicts(ctx, c, conflicts)
	case refusal.IsReplaced(status):
		return false, fmt.Errorf("%s: %w", c.document.Ref, errStale)
	case c.mayReclaim(status) && r.writing:
		c.reclaimed = true
		return true, r.reclaim(ctx, c)
	case c.action != actionPatch || status.Reason != metav1.StatusReasonInvalid || refusal.IsAdmission(status):
		return false, refusal.Explain(c.document.Ref, err)
	}
	if asNew := r.checkAsNew(ctx, c); asNew != nil {
		if refusal.IsImmutable(status) {
			err = asNew // the change can't be, and what it leads to can't either
		}
		return false, refusal.Explain(c.document.Ref, err)
	}
	grows, growErr := r.growsVolumes(ctx, c)
	switch {
	case growErr != nil:
		return false, growErr
	case !grows && !c.document.MayReplace():
		if ended, endErr := r.hasEnded(ctx, c); endErr != nil || !ended {
			return false, errors.Join(endErr, refusal.Immutable(c.document.Ref, err))
		}
	}
	c.action = actionReplace
	return true, r.recordReplacement(ctx, c)
}

// hasEnded reports whether a change is of a Job whose run is over: nothing is lost
// when the changed one runs in its place.
func (r *run) hasEnded(ctx context.Context, c *change) (bool, error) {
	if c.document.Ref.GroupKind() != (schema.GroupKind{Group: "batch", Kind: "Job"}) {
		return false, nil
	}
	return r.applier.ready.JobEnded(ctx, c.document.Ref)
}

// checkAsNew has the server check the object of a refused change as a new one: when it
// accepts that, it is the change that it refuses. A quota would count the object twice.
func (r *run) checkAsNew(ctx context.Context, c *change) error {
	asNew := *c
	asNew.action = actionReplace
	err := r.checkReplace(ctx, &asNew)
	if status := refusal.StatusOf(err); status != nil && refusal.IsQuota(status) {
		return nil
	}
	return err
}

// explainUnanswered returns the error for a request that the server did not
// answer.
func (r *run) explainUnanswered(ctx context.Context, c *change, err error) error {
	switch {
	case errors.Is(err, errStale):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return refusal.Explain(c.document.Ref, err)
}

// resolveConflicts decides about fields that somebody else set.
func (r *run) resolveConflicts(ctx context.Context, c *change, conflicts []refusal.Conflict) (again bool, _ error) {
	if c.precondition() == "" { // the object did not exist when it was read
		return false, fmt.Errorf("%s: %w", c.document.Ref, errStale)
	}
	if err := r.readManagers(ctx, c); err != nil {
		return false, err
	}
	if err := c.resolve(conflicts); err != nil {
		return false, err
	}
	return true, nil
}

// readManagers reads the labels and managers of a live object, which the live
// view does not keep.
func (r *run) readManagers(ctx context.Context, c *change) error {
	if !c.live.Partial {
		return nil
	}
	meta, err := r.applier.client.Get(ctx, c.document.Ref)
	if err != nil {
		return refusal.Explain(c.document.Ref, err)
	}
	if meta == nil || string(meta.UID) != c.live.UID {
		return fmt.Errorf("%s: %w", c.document.Ref, errStale)
	}
	c.live = cluster.StateOf(c.document.Ref, meta)
	return nil
}

// patch sends one server-side apply. The UID in it makes the server refuse it
// when the object is another one by now.
func (r *run) patch(ctx context.Context, c *change, dryRun bool) error {
	body, err := r.body(c)
	if err != nil {
		return err
	}
	ref := c.document.Ref
	meta, created, warnings, err := r.applier.client.Patch(ctx, ref, body, c.force, dryRun)
	if err != nil {
		return err
	}
	if dryRun {
		return nil
	}
	if c.precondition() == "" && !created {
		if err := r.intruded(ctx, c, meta); err != nil {
			return err
		}
	}
	r.recordChange(c, meta, warnings)
	return nil
}

// intruded handles an object that somebody made after it was read and before
// it was applied. It takes out again what the apply added; the apply changed
// nothing, because it was sent without force.
func (r *run) intruded(ctx context.Context, c *change, meta *metav1.PartialObjectMetadata) error {
	s := cluster.StateOf(c.document.Ref, meta)
	if len(s.Managers) == 0 || c.known && c.entry.UID == s.UID {
		return nil
	}
	empty, err := emptyOf(c.document.Ref, s.UID)
	if err != nil {
		return err
	}
	if _, _, _, err := r.applier.client.Patch(ctx, c.document.Ref, empty, false, false); err != nil {
		return fmt.Errorf("take the added fields out of %s again: %w", c.document.Ref, err)
	}
	return fmt.Errorf("%s: %w", c.document.Ref, errStale)
}

// body encodes the object as it is sent.
func (r *run) body(c *change) ([]byte, error) {
	d := c.document
	if err := d.Parse(r.set); err != nil {
		return nil, err
	}
	object := maps.Clone(d.Object)
	metadata, _ := object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	object["metadata"] = metadata
	if uid := c.precondition(); uid != "" {
		metadata["uid"] = uid
	} else if c.intent != "" { // a check comes before there is one
		annotations, _ := metadata["annotations"].(map[string]any)
		annotations = maps.Clone(annotations)
		if annotations == nil {
			annotations = map[string]any{}
		}
		annotations[cluster.AnnotationIntent] = c.intent
		metadata["annotations"] = annotations
	}
	if d.Ref.Scalable() {
		spec := maps.Clone(d.Spec())
		if spec == nil {
			spec = map[string]any{}
		}
		delete(spec, "replicas")
		if replicas := c.replicas(r.minimums[d.Ref.Key()]); replicas != nil {
			spec["replicas"] = *replicas
		}
		object["spec"] = spec
	}
	body, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", d.Ref, err)
	}
	return body, nil
}
