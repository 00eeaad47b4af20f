package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Applier changes one cluster with one identity. It is safe for concurrent
// use, for different stages; two applies of one stage exclude each other by
// the inventory's version.
type Applier struct {
	client *client
	views  *views
	store  Store
}

// New returns an applier for a configuration that impersonates the stage's
// service account. A configuration without an impersonated user is refused:
// writes to a stage never use the server's own rights.
func New(cluster *Cluster, config *rest.Config, store Store) (*Applier, error) {
	if config.Impersonate.UserName == "" {
		return nil, fault.New(fault.Internal, "applying needs the identity of a stage's service account, and none was given")
	}
	client, err := newClient(cluster, config)
	if err != nil {
		return nil, err
	}
	views, err := newViews(client)
	if err != nil {
		return nil, err
	}
	return &Applier{client: client, views: views, store: store}, nil
}

// errStale is found by a request whose object is not the one that was looked
// at a moment before.
var errStale = errors.New("the object changed since it was looked at")

// maxLooks is how often an apply looks again at objects that changed under
// its hands.
const maxLooks = 4

// Apply brings the stage's objects to the set. Nothing is written when
// anything of the set would be refused. Objects that the set no longer holds
// stay until Prune. The report is meaningful on an error too: it says what was
// done before it.
func (a *Applier) Apply(ctx context.Context, set Set) (Report, error) {
	return a.bring(ctx, set, nil)
}

// Wait waits until every target of a report is ready and returns how far each
// service is. It returns a *NotReadyError as soon as it is certain that one of
// them will not be, and the context's cause when ctx ends first, as a newer
// commit's release makes it.
func (a *Applier) Wait(ctx context.Context, targets []Target, options WaitOptions) ([]ServiceState, error) {
	return a.views.wait(ctx, targets, options)
}

// bring applies a set, or repairs what of it was applied before.
func (a *Applier) bring(ctx context.Context, set Set, repair *Repair) (Report, error) {
	if err := set.check(); err != nil {
		return Report{}, err
	}
	var earlier Report
	for look := 1; ; look++ {
		run := &run{applier: a, set: set, repair: repair, direct: look > 1}
		err := run.apply(ctx)
		earlier = run.report.after(earlier)
		if look == 1 && !run.writing && errors.Is(err, errOutdated) {
			continue // somebody else wrote the inventory that was remembered
		}
		if !errors.Is(err, errStale) {
			return earlier, err
		}
		if look == maxLooks {
			return earlier, fault.Wrap(fault.Unavailable, err, "objects of %s keep changing while they are applied; it is tried again", set.Owner)
		}
	}
}

// run is one attempt at one apply.
type run struct {
	applier   *Applier
	set       Set
	repair    *Repair // only what was applied before; nil brings all of the set
	direct    bool    // ask the server, not the live view
	inventory *Inventory
	work      comparison
	minimums  map[Key]int32
	writing   bool // checking is over

	mutex  sync.Mutex // guards what follows, and the inventory while writing
	report Report
	dirty  bool // the stored inventory does not hold everything that was done
}

func (r *run) apply(ctx context.Context) error {
	inventory, err := r.applier.store.Load(ctx, r.set.Owner)
	if err != nil {
		return err
	}
	r.inventory = inventory
	if err := r.claim(); err != nil {
		return err
	}
	documents, err := r.read()
	if err != nil {
		return err
	}
	r.minimums = minimums(documents)
	live, err := r.look(ctx, documents)
	if err != nil {
		return err
	}
	var refused error // what a repair leaves alone does not keep it from the rest
	if r.work, refused = compare(r.set, documents, inventory, live); refused != nil && r.repair == nil {
		return refused
	}
	if err := r.validate(ctx); err != nil {
		return err
	}
	if err := r.intend(ctx); err != nil {
		return err
	}
	r.writing = true
	err = r.write(ctx)
	if saveErr := r.record(ctx); err == nil {
		err = saveErr
	}
	r.summarise()
	if err == nil {
		err = refused
	}
	return err
}

// claim checks that the inventory is of the cluster and namespace that the
// set is for: otherwise its objects are elsewhere and would be orphaned.
func (r *run) claim() error {
	i := r.inventory
	if len(i.Entries) > 0 && (i.Cluster != r.set.Cluster || i.Namespace != r.set.Namespace) {
		return fault.New(fault.Conflict, "%s has %d objects in namespace %s of cluster %s, and cannot move to namespace %s of cluster %s with them; delete the stage and let it be made again",
			r.set.Owner, len(i.Entries), i.Namespace, i.Cluster, r.set.Namespace, r.set.Cluster)
	}
	i.Cluster, i.Namespace = r.set.Cluster, r.set.Namespace
	return nil
}

// read returns the documents of the set, or those to repair.
func (r *run) read() ([]*document, error) {
	if r.repair != nil {
		return readApplied(r.set, r.inventory, r.repair.Manifests)
	}
	return readWanted(r.set, r.inventory)
}

// readWanted returns the documents of the set.
func readWanted(set Set, inventory *Inventory) ([]*document, error) {
	parts, err := split(set.Manifests)
	if err != nil {
		return nil, err
	}
	return readParts(set, inventory, parts)
}

// readParts parses the documents that are not known to be the same as last
// time, and those that say something about others.
func readParts(set Set, inventory *Inventory, parts [][]byte) ([]*document, error) {
	known := inventory.byDigest()
	documents := make([]*document, 0, len(parts))
	for _, part := range parts {
		d := &document{raw: part, digest: digestOf(set.Owner, part)}
		entry, same := known[d.digest]
		if same {
			d.ref = entry.Ref
		}
		if !same || bytes.Contains(part, []byte("HorizontalPodAutoscaler")) {
			if err := d.parse(set); err != nil {
				return nil, err
			}
		}
		documents = append(documents, d)
	}
	return documents, nil
}

// intend writes to the inventory what is about to be made, before it is made.
// Without new objects there is nothing to write.
func (r *run) intend(ctx context.Context) error {
	needed := false
	for _, c := range r.work.writes() {
		if !c.unrecorded() {
			continue
		}
		needed = true
		if err := c.document.parse(r.set); err != nil {
			return err
		}
		entry := c.entry
		if !c.known {
			entry = Entry{Ref: c.document.ref}
		}
		entry.UID, entry.Fields, entry.Done, entry.Stale = "", "", false, false
		if !c.drifted { // what is only made again is found missing after a crash
			entry.Digest = ""
		}
		entry.Replicas = c.replicas(r.minimums[c.document.ref.Key()])
		r.describe(&entry, c)
		r.inventory.put(entry)
	}
	if !needed {
		return nil
	}
	if err := r.applier.store.Save(ctx, r.inventory); err != nil {
		return fmt.Errorf("record what will be applied: %w", err)
	}
	return nil
}

// describe copies into an entry what its document says about later steps.
func (r *run) describe(entry *Entry, c *change) {
	d := c.document
	entry.Ref = d.ref
	entry.Service, entry.Keep, entry.Once = d.service(), d.keep(), d.once()
	entry.Hook, entry.Scaled = d.hook(), c.scaled
}

// recordTimeout bounds the writing of the inventory after an apply that was
// cancelled.
const recordTimeout = 10 * time.Second

// record writes to the inventory what was done, also when it was interrupted.
func (r *run) record(ctx context.Context) error {
	dirty := r.dirty
	for _, c := range r.work.changes {
		if c.action == actionNone && c.entry.Stale {
			c.entry.Stale, dirty = false, true
			r.inventory.put(c.entry)
		}
	}
	for _, entry := range r.work.stale {
		if !entry.Stale && r.repair == nil {
			entry.Stale, dirty = true, true
			r.inventory.put(entry)
		}
	}
	if !dirty {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	err := r.applier.store.Save(ctx, r.inventory)
	if errors.Is(err, errOutdated) {
		return fault.Wrap(fault.Unavailable, err, "what was applied to %s could not be recorded: the inventory changed meanwhile; it is applied again", r.set.Owner)
	}
	if err != nil {
		return fmt.Errorf("record what was applied: %w", err)
	}
	return nil
}
