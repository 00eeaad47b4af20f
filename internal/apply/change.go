package apply

import (
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// action is what has to be done about one document.
type action int

const (
	actionNone    action = iota
	actionCreate         // there is no such object
	actionPatch          // ours: apply the document
	actionAdopt          // somebody else's, taken over because its manifest asks for it
	actionReplace        // an immutable field changed: delete, then create
)

// change is what has to be done about one document, and the result.
type change struct {
	document *desired.Document
	entry    inventory.Entry // before; zero when the inventory does not know the object
	intent   string          // what an object that is made is marked with
	known    bool            // whether the inventory knows the object
	live     *cluster.State  // nil when there is no such object
	action   action
	orphan   bool          // replaced, while what belongs to it stays
	claims   []volumeClaim // a StatefulSet's, which grow before
	scaled   bool          // an autoscaler of the set owns its replicas
	drifted  bool          // the document is the one last applied, but the object is not

	force         bool // take conflicting fields
	leaveReplicas bool // do not send spec.replicas
	reclaimed     bool // we own the other manager's fields now
	taken         []refusal.Conflict
	left          []refusal.Conflict
}

// comparison is the work of one apply.
type comparison struct {
	changes  []*change         // in the order of the documents
	stale    []inventory.Entry // entries that no document wants
	withheld []*change         // of services that are left as they are
}

// refused is a document that can't be applied.
type refused struct {
	change *change
	err    error
}

// isForeign reports whether a document is refused because its object is somebody
// else's.
func isForeign(r refused) bool {
	var object *refusal.ObjectError
	return errors.As(r.err, &object) && object.Reason == cause.Foreign
}

// service returns the service that a change belongs to, empty for none.
func (c *change) service() string {
	if c.document.Object != nil {
		return c.document.Service()
	}
	return c.entry.Service
}

// writes returns the changes that need a request.
func (c comparison) writes() []*change {
	return slices.DeleteFunc(slices.Clone(c.changes), func(c *change) bool { return c.action == actionNone })
}

// compare decides what has to be done. It is pure; live holds the states of the
// documents' objects that exist.
func compare(set desired.Set, documents []*desired.Document, owned *inventory.Inventory, live map[inventory.Key]*cluster.State) (comparison, []refused) {
	var result comparison
	var problems []refused
	scaled := desired.ScaleTargets(documents)
	wanted := make(map[inventory.Key]bool, len(documents))
	for _, d := range documents {
		key := d.Ref.Key()
		if wanted[key] {
			problems = append(problems, refused{&change{document: d}, refusal.New(d.Ref, cause.Invalid, fault.Invalid, "the manifests hold it twice", "remove one of them")})
			continue
		}
		wanted[key] = true
		c := &change{document: d, live: live[key], scaled: scaled[key]}
		c.entry, c.known = owned.Lookup(key)
		c.intent = c.entry.Intent
		if err := c.decide(set); err != nil {
			problems = append(problems, refused{c, err})
			continue
		}
		result.changes = append(result.changes, c)
	}
	for _, entry := range owned.Entries {
		if !wanted[entry.Key()] {
			result.stale = append(result.stale, entry)
		}
	}
	return result, problems
}

// decide fills action, drifted and force.
func (c *change) decide(set desired.Set) error {
	same := c.known && c.entry.Digest == c.document.Digest
	switch {
	case same && c.finished():
		return nil
	case same && slices.Contains(set.Leave, c.document.Ref.Key()):
		return nil
	case c.live == nil || c.live.Deleting:
		c.action, c.drifted = actionCreate, same
		return nil
	case same && c.live.Untouched(c.entry, c.scaled):
		return nil
	case c.ours():
		c.action, c.drifted = actionPatch, same
		return nil
	}
	if err := c.document.Parse(set); err != nil {
		return err
	}
	if set.Owner.BelongsToAnother(c.live.Labels) {
		return c.foreign("it belongs to another stage of Slipway", "give the object another name")
	}
	if c.document.Annotation(desired.AnnotationAdopt) != "true" {
		return c.foreign(c.stranger(),
			"give the object another name, delete the other one, or set the annotation "+desired.AnnotationAdopt+": \"true\" on it to take it over")
	}
	c.action, c.force = actionAdopt, true
	return nil
}

// finished reports whether the object has done its work, so that its absence
// is no drift.
func (c *change) finished() bool {
	if c.entry.Hook {
		return c.entry.Done
	}
	return c.entry.Once && c.entry.UID != "" && c.live == nil
}

// ours reports whether a live object is the stage's own, by the inventory.
func (c *change) ours() bool { return c.known && c.live.IsOf(c.entry) }

// foreign returns the error for an object that is not the stage's.
func (c *change) foreign(words, remedy string) error {
	return refusal.New(c.document.Ref, cause.Foreign, fault.Conflict, words, remedy)
}

// stranger says what somebody else's object is doing here. The labels say nothing
// about that: anybody can write them.
func (c *change) stranger() string {
	words, by := "it exists and was not made by Slipway", " but by "
	if c.known && c.entry.UID != "" {
		words, by = "Slipway's own was deleted, and this one was made in its place", " by "
	}
	for _, m := range c.live.Managers {
		if m.Subresource == "" {
			return words + by + printable.Excerpt(m.Name, 80)
		}
	}
	return words
}

// precondition returns the UID that the live object must still have, empty
// when no such object may exist.
func (c *change) precondition() string {
	if c.action == actionPatch || c.action == actionAdopt {
		return c.live.UID
	}
	return ""
}

// unrecorded reports whether the inventory must be written before the change,
// so that a crash right after it leaves no object that nobody knows.
func (c *change) unrecorded() bool {
	switch c.action {
	case actionNone:
		return false
	case actionCreate, actionReplace:
		return c.entry.Intent == ""
	}
	return !c.known || c.entry.UID != c.precondition()
}

// resolve decides what to do about fields that others set to other values.
//
// Fields of a document that was applied before are taken back. So are fields
// that somebody changed with a plain update, because what the file declares
// wins. Replicas that an autoscaler set are left alone, and fields that
// another declarative manager applies are refused: both would overwrite each
// other for ever.
func (c *change) resolve(conflicts []refusal.Conflict) error {
	for _, conflict := range conflicts {
		switch {
		case c.isAutoscaler(conflict):
			c.leaveReplicas = true
			c.left = append(c.left, conflict)
		case c.drifted, c.document.Annotation(desired.AnnotationAdopt) == "true", !c.applies(conflict.Manager):
			c.taken = append(c.taken, conflict)
		default:
			return &refusal.ObjectError{
				Ref: c.document.Ref, Reason: cause.FieldConflict, Code: fault.Conflict, Fields: []string{conflict.Field},
				Words:  fmt.Sprintf("%s is applied by %s with another value", conflict.Field, conflict.Manager),
				Remedy: "remove the field from the manifest, stop the other one, or set the annotation " + desired.AnnotationAdopt + ": \"true\" on it to take it over",
			}
		}
	}
	c.force = true
	return nil
}

// isAutoscaler reports whether a conflict is spec.replicas as an autoscaler
// set it: one of the set, or the one that Kubernetes itself runs. What an
// autoscaler left behind that the set no longer has is taken back.
func (c *change) isAutoscaler(conflict refusal.Conflict) bool {
	if c.toZero() || conflict.Field != ".spec.replicas" || conflict.Subresource != "scale" || !c.document.Ref.Scalable() {
		return false
	}
	return c.scaled || conflict.Manager == "kube-controller-manager" && !c.entry.Scaled
}

// applies reports whether a manager declares its fields as Slipway does.
func (c *change) applies(name string) bool {
	return c.live != nil && slices.ContainsFunc(c.live.Managers, func(m cluster.Manager) bool {
		return m.Name == name && m.Operation == metav1.ManagedFieldsOperationApply
	})
}

// Replicas and autoscalers. An autoscaler must own spec.replicas of what it
// scales, or every release would undo its work. But an object that is made
// without replicas starts with one, and an owner who stops sending replicas
// resets them to one. So Slipway sends the autoscaler's minimum when it makes
// the object, goes on sending what it sent last for as long as it still owns
// the field, and stops for good once the autoscaler took it.

// toZero reports whether the document has no replicas, which no autoscaler changes:
// they leave alone what has none.
func (c *change) toZero() bool {
	own := c.document.Replicas()
	return own != nil && *own == 0
}

// replicas returns the spec.replicas to send, nil for none.
func (c *change) replicas(minimum int32) *int32 {
	own := c.document.Replicas()
	switch {
	case !c.document.Ref.Scalable(), c.toZero():
		return own
	case c.leaveReplicas:
		return nil
	case !c.scaled:
		return own
	case c.action == actionCreate || c.action == actionReplace:
		return &minimum
	case c.action == actionPatch && c.live.Replicas && c.entry.Replicas != nil && *c.entry.Replicas > 0:
		return c.entry.Replicas
	case c.action == actionPatch && c.live.Replicas:
		return &minimum
	}
	return nil
}
