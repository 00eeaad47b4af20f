package apply

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
)

// action is what has to be done about one document.
type action int

const (
	actionNone    action = iota
	actionCreate         // there is no such object
	actionPatch          // ours, and to be brought to the document
	actionAdopt          // somebody else's, taken over because the file says so
	actionReplace        // an immutable field changed: delete, then create
)

// change is what has to be done about one document, and what came of it.
type change struct {
	document *document
	entry    Entry  // before; zero when the inventory does not know the object
	known    bool   // whether the inventory knows the object
	live     *state // nil when there is no such object
	action   action
	scaled   bool // an autoscaler of the set owns its replicas
	drifted  bool // the document is the one last applied, but the object is not

	force         bool // take conflicting fields
	leaveReplicas bool // do not send spec.replicas
	reclaimed     bool // the fields of who broke it are ours now
	taken         []Conflict
	left          []Conflict
}

// Conflict is fields that somebody else set to another value.
type Conflict struct {
	Ref     Ref
	Manager string
	// Subresource is where the manager did it: "scale", mostly empty.
	Subresource string
	Field       string
}

// comparison is the work of one apply.
type comparison struct {
	changes []*change // in the order of the documents
	stale   []Entry   // entries that no document wants
}

// writes returns the changes that need a request.
func (c comparison) writes() []*change {
	return slices.DeleteFunc(slices.Clone(c.changes), func(c *change) bool { return c.action == actionNone })
}

// compare decides what has to be done. It is pure; live holds what exists of
// the documents' objects.
func compare(set Set, documents []*document, inventory *Inventory, live map[Key]*state) (comparison, error) {
	var result comparison
	var problems []error
	scaled := scaleTargets(documents)
	wanted := make(map[Key]bool, len(documents))
	for _, d := range documents {
		key := d.ref.Key()
		if wanted[key] {
			problems = append(problems, &ObjectError{Ref: d.ref, Reason: cause.Invalid, Code: fault.Invalid, Words: "the manifests hold it twice", Remedy: "remove one of them"})
			continue
		}
		wanted[key] = true
		c := &change{document: d, live: live[key], scaled: scaled[key]}
		c.entry, c.known = inventory.Lookup(key)
		if err := c.decide(set); err != nil {
			problems = append(problems, err)
			continue
		}
		result.changes = append(result.changes, c)
	}
	for _, entry := range inventory.Entries {
		if !wanted[entry.Key()] {
			result.stale = append(result.stale, entry)
		}
	}
	return result, failed(problems)
}

// decide fills action, drifted and force.
func (c *change) decide(set Set) error {
	same := c.known && c.entry.Digest == c.document.digest
	switch {
	case same && c.finished():
		return nil
	case same && slices.Contains(set.Leave, c.document.ref.Key()):
		return nil
	case c.live == nil || c.live.deleting:
		c.action, c.drifted = actionCreate, same
		return nil
	case same && c.live.untouched(c.entry, c.scaled):
		return nil
	case c.ours(set.Owner):
		c.action, c.drifted = actionPatch, same
		return nil
	}
	if err := c.document.parse(set); err != nil {
		return err
	}
	if set.Owner.belongsToAnother(c.live.labels) {
		return c.foreign("it belongs to another stage of Slipway", "give the object another name")
	}
	if c.document.annotation(AnnotationAdopt) != "true" {
		return c.foreign("it exists and was not made by Slipway"+c.makers(),
			"give the object another name, delete the other one, or set the annotation "+AnnotationAdopt+": \"true\" on it to take it over")
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

// ours reports whether a live object is the stage's own: the recorded one, one
// that carries the stage's labels, or one that was intended, was applied, and
// whose identity a crash kept from being recorded.
func (c *change) ours(owner Owner) bool {
	if c.known && c.entry.UID != "" && c.entry.UID == c.live.uid {
		return true
	}
	return owner.owns(c.live.labels) || c.known && c.entry.UID == "" && c.live.applied
}

func (c *change) foreign(words, remedy string) error {
	return &ObjectError{Ref: c.document.ref, Reason: cause.Foreign, Code: fault.Conflict, Words: words, Remedy: remedy}
}

// makers names who owns fields of the live object.
func (c *change) makers() string {
	for _, m := range c.live.managers {
		if m.subresource == "" {
			return " but by " + cause.Clip(m.name, 80)
		}
	}
	return ""
}

// precondition is the identity the live object must still have, empty when
// there must be none.
func (c *change) precondition() string {
	if c.action == actionPatch || c.action == actionAdopt {
		return c.live.uid
	}
	return ""
}

// unrecorded reports whether the inventory must be written before the change,
// so that a crash right after it leaves no object that nobody knows.
func (c *change) unrecorded() bool {
	if c.action == actionNone {
		return false
	}
	return !c.known || c.entry.UID != c.precondition()
}

// settle decides what to do about fields that others set to other values.
//
// Fields of a document that was applied before are taken back. So are fields
// that somebody changed with a plain update, because what the file declares
// wins. Replicas that an autoscaler set are left alone, and fields that
// another declarative manager applies are refused: both would fight for ever.
func (c *change) settle(conflicts []Conflict) error {
	for _, conflict := range conflicts {
		switch {
		case c.isAutoscaler(conflict):
			c.leaveReplicas = true
			c.left = append(c.left, conflict)
		case c.drifted, c.document.annotation(AnnotationAdopt) == "true", !c.applies(conflict.Manager):
			c.taken = append(c.taken, conflict)
		default:
			return &ObjectError{
				Ref: c.document.ref, Reason: cause.FieldConflict, Code: fault.Conflict, Fields: []string{conflict.Field},
				Words:  fmt.Sprintf("%s is applied by %s with another value", conflict.Field, conflict.Manager),
				Remedy: "remove the field from the manifest, stop the other one, or set the annotation " + AnnotationAdopt + ": \"true\" on it to take it over",
			}
		}
	}
	c.force = true
	return nil
}

// isAutoscaler reports whether a conflict is spec.replicas as an autoscaler
// set it: one of the set, or the one that Kubernetes itself runs. What an
// autoscaler left behind that the set no longer has is taken back.
func (c *change) isAutoscaler(conflict Conflict) bool {
	if conflict.Field != ".spec.replicas" || conflict.Subresource != "scale" || !c.document.ref.scalable() {
		return false
	}
	return c.scaled || conflict.Manager == "kube-controller-manager" && !c.entry.Scaled
}

// applies reports whether a manager declares its fields as Slipway does.
func (c *change) applies(name string) bool {
	return c.live != nil && slices.ContainsFunc(c.live.managers, func(m manager) bool {
		return m.name == name && m.operation == metav1.ManagedFieldsOperationApply
	})
}
