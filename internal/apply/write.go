package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/fault"
)

// validate lets the server check every change without making it. With a
// single change that check would be the change itself.
func (r *run) validate(ctx context.Context) error {
	writes := r.work.writes()
	if len(writes) < 2 || r.repair != nil { // what is repaired was accepted before
		return nil
	}
	return failed(each(ctx, writes, func(ctx context.Context, c *change) error {
		err := r.send(ctx, c, true)
		if err != nil && r.dependent(c, err) {
			return nil
		}
		return err
	}))
}

// dependent reports whether a check failed only because something that the
// same set makes does not exist yet.
func (r *run) dependent(c *change, err error) bool {
	var problem *ObjectError
	if !errors.As(err, &problem) || c.document.ref.Kind != "RoleBinding" || problem.Code != fault.NotFound {
		return false
	}
	for _, other := range r.work.changes {
		if other.action == actionCreate && other.document.ref.Kind == "Role" {
			return true
		}
	}
	return false
}

// write makes the changes, group after group, and stops at the first group
// that fails. A repair goes on: its objects were there together before.
func (r *run) write(ctx context.Context) (problem error) {
	var steps [groups][]*change
	for _, c := range r.work.changes {
		hook := c.entry.Hook
		if c.document.object != nil {
			hook = c.document.hook()
		}
		if c.action != actionNone || hook && !c.finished() {
			g := groupOf(c.document.ref.groupKind(), hook)
			steps[g] = append(steps[g], c)
		}
	}
	for g, changes := range steps {
		var err error
		if group(g) == groupHook {
			err = r.runHooks(ctx, changes)
		} else {
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

func (r *run) writeAll(ctx context.Context, changes []*change) error {
	return failed(each(ctx, changes, func(ctx context.Context, c *change) error {
		return r.send(ctx, c, false)
	}))
}

// maxSettles is how often one object is sent again after the server's answer
// made another way necessary.
const maxSettles = 4

// send makes one change, or has the server check it. An answer about
// conflicting or immutable fields changes how the object is sent; what was
// found out by a check is remembered for the change itself.
func (r *run) send(ctx context.Context, c *change, dryRun bool) error {
	for range maxSettles {
		var err error
		switch {
		case c.action == actionReplace && dryRun:
			err = r.checkReplace(ctx, c)
		case c.action == actionReplace:
			err = r.replace(ctx, c)
		case c.action == actionCreate && !dryRun && c.live != nil && c.live.deleting:
			if err = r.gone(ctx, c.document.ref, c.live.uid); err == nil {
				err = r.patch(ctx, c, dryRun)
			}
		case c.action == actionCreate && c.live != nil && c.live.deleting:
			err = r.checkReplace(ctx, c)
		default:
			err = r.patch(ctx, c, dryRun)
		}
		if status := statusOf(err); err == nil || dryRun && status != nil && c.mayReclaim(status) {
			return nil
		}
		again, err := r.reconsider(ctx, c, err)
		if !again {
			return err
		}
	}
	return fmt.Errorf("%s: %w", c.document.ref, errStale)
}

// reconsider looks for another way to make a change that was refused.
func (r *run) reconsider(ctx context.Context, c *change, err error) (again bool, _ error) {
	status := statusOf(err)
	if status == nil {
		return false, r.unanswered(ctx, c, err)
	}
	conflicts := conflictsOf(c.document.ref, status)
	switch {
	case len(conflicts) > 0 && !c.force:
		return r.conflicted(ctx, c, conflicts)
	case isReplaced(status):
		return false, fmt.Errorf("%s: %w", c.document.ref, errStale)
	case c.mayReclaim(status) && r.writing:
		c.reclaimed = true
		return true, r.reclaim(ctx, c)
	case c.action != actionPatch || !isImmutable(status):
		return false, explain(c.document.ref, err)
	}
	if err := r.complete(ctx, c); err != nil {
		return false, err
	}
	if !c.mayReplace() {
		return false, explain(c.document.ref, err)
	}
	c.action = actionReplace
	return true, r.intendAgain(ctx, c)
}

// unanswered returns what to make of an error that is no answer of the server.
func (r *run) unanswered(ctx context.Context, c *change, err error) error {
	switch {
	case errors.Is(err, errStale):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return explain(c.document.ref, err)
}

// conflicted decides about fields that somebody else set.
func (r *run) conflicted(ctx context.Context, c *change, conflicts []Conflict) (again bool, _ error) {
	if c.precondition() == "" { // it was not there a moment ago
		return false, fmt.Errorf("%s: %w", c.document.ref, errStale)
	}
	if err := r.complete(ctx, c); err != nil {
		return false, err
	}
	if err := c.settle(conflicts); err != nil {
		return false, err
	}
	return true, nil
}

// complete reads the labels and managers of a live object of which the view
// kept a few words only.
func (r *run) complete(ctx context.Context, c *change) error {
	if !c.live.partial {
		return nil
	}
	meta, err := r.applier.client.get(ctx, c.document.ref)
	if err != nil {
		return explain(c.document.ref, err)
	}
	if meta == nil || string(meta.UID) != c.live.uid {
		return fmt.Errorf("%s: %w", c.document.ref, errStale)
	}
	c.live = observe(c.document.ref, meta)
	return nil
}

// mayReplace reports whether an object with a changed immutable field is
// deleted and made anew: when nothing is lost with it, nobody else put
// anything into it, or its manifest says so.
func (c *change) mayReplace() bool {
	asked := c.document.annotation(AnnotationReplace) == "true"
	switch replaceable(c.document.ref) {
	case replaceFreely:
		for _, m := range c.live.managers {
			if m.subresource == "" && c.document.ref.Kind != "Job" && c.document.ref.Kind != "Pod" {
				return asked
			}
		}
		return true
	case replaceAsked:
		return asked
	}
	return false
}

// patch sends one server-side apply. The UID in it makes the server refuse it
// when the object is another one by now.
func (r *run) patch(ctx context.Context, c *change, dryRun bool) error {
	body, err := r.body(c)
	if err != nil {
		return err
	}
	ref := c.document.ref
	meta, created, warnings, err := r.applier.client.patch(ctx, ref, body, c.force, dryRun)
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
	r.done(c, meta, warnings)
	return nil
}

// intruded handles an object that somebody made between our look and our
// apply. What we added to it is taken out again; nothing of it was changed,
// since the apply was made without force.
func (r *run) intruded(ctx context.Context, c *change, meta *metav1.PartialObjectMetadata) error {
	s := observe(c.document.ref, meta)
	if len(s.managers) == 0 || c.known && c.entry.UID == s.uid {
		return nil
	}
	empty, err := emptyOf(c.document.ref, s.uid)
	if err != nil {
		return err
	}
	if _, _, _, err := r.applier.client.patch(ctx, c.document.ref, empty, false, false); err != nil {
		return fmt.Errorf("take what was added out of %s again: %w", c.document.ref, err)
	}
	return fmt.Errorf("%s: %w", c.document.ref, errStale)
}

// body encodes the object as it is sent.
func (r *run) body(c *change) ([]byte, error) {
	d := c.document
	if err := d.parse(r.set); err != nil {
		return nil, err
	}
	object := maps.Clone(d.object)
	if uid := c.precondition(); uid != "" {
		metadata, _ := object["metadata"].(map[string]any)
		metadata = maps.Clone(metadata)
		metadata["uid"] = uid
		object["metadata"] = metadata
	}
	if d.ref.scalable() {
		spec := maps.Clone(d.spec())
		if spec == nil {
			spec = map[string]any{}
		}
		delete(spec, "replicas")
		if replicas := c.replicas(r.minimums[d.ref.Key()]); replicas != nil {
			spec["replicas"] = *replicas
		}
		object["spec"] = spec
	}
	body, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", d.ref, err)
	}
	return body, nil
}
