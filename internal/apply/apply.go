package apply

import (
	"context"
	"errors"
	"slices"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/ready"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Applier changes one cluster with one identity. It is safe for concurrent
// use, for different stages; two applies of one stage exclude each other by
// the inventory's version.
type Applier struct {
	client *cluster.Client
	ready  *ready.Clients
	store  inventory.Store
}

// New returns an applier for a configuration that impersonates the stage's
// service account. A configuration without an impersonated user is refused:
// writes to a stage never use the server's own rights.
func New(server *cluster.Cluster, config *rest.Config, store inventory.Store) (*Applier, error) {
	if config.Impersonate.UserName == "" {
		return nil, fault.New(fault.Internal, "applying needs the identity of a stage's service account, and none was given")
	}
	client, err := cluster.NewClient(server, config)
	if err != nil {
		return nil, err
	}
	waiting, err := ready.New(client)
	if err != nil {
		return nil, err
	}
	return &Applier{client: client, ready: waiting, store: store}, nil
}

// errStale says that the object of a request is not the one that was read
// before.
var errStale = errors.New("the object changed since it was read")

// maxAttempts is how often an apply begins when objects change while it runs.
const maxAttempts = 4

// Apply brings the stage's objects to the set. Nothing is written when
// anything of the set would be refused. Objects that the set no longer holds
// stay until Prune. The report is meaningful on an error too: it says what was
// done before it.
func (a *Applier) Apply(ctx context.Context, set desired.Set) (Report, error) {
	return a.applyOrRepair(ctx, set, nil)
}

// Wait waits until every target of a report is ready and returns how far each
// service is. It returns a *NotReadyError as soon as it is certain that one of
// them will not be, and the context's cause when ctx ends first, as a newer
// commit's release makes it.
func (a *Applier) Wait(ctx context.Context, targets []ready.Target, options ready.Options) ([]ready.ServiceState, error) {
	return a.ready.Wait(ctx, targets, options)
}

// applyOrRepair applies a set, or repairs the part of it that was applied
// before. It begins again when an object changed meanwhile.
func (a *Applier) applyOrRepair(ctx context.Context, set desired.Set, repair *Repair) (Report, error) {
	if err := set.Check(); err != nil {
		return Report{}, err
	}
	var earlier Report
	for attempt := 1; ; attempt++ {
		run := &run{applier: a, set: set, repair: repair, direct: attempt > 1}
		err := run.apply(ctx)
		earlier = run.report.merge(earlier)
		if attempt == 1 && !run.writing && errors.Is(err, inventory.ErrOutdated) {
			continue // somebody else wrote the inventory that was remembered
		}
		if !errors.Is(err, errStale) {
			return earlier, err
		}
		if attempt == maxAttempts {
			return earlier, fault.Wrap(fault.Unavailable, err, "objects of %s keep changing while they are applied; it is tried again", set.Owner)
		}
	}
}

// run is one attempt at one apply.
type run struct {
	applier   *Applier
	set       desired.Set
	repair    *Repair // nil applies all of the set
	direct    bool    // read from the server, not from the live view
	inventory *inventory.Inventory
	work      comparison
	minimums  map[inventory.Key]int32
	partial   *refusal.Partial // the services that are left as they are; nil for none
	writing   bool             // the server accepted all changes in a dry run

	mutex  sync.Mutex // guards what follows, and the inventory while writing
	report Report
	dirty  bool // the stored inventory does not hold everything that was done
}

// apply is the story of one apply: load the inventory, read the documents and
// the live objects, compare, check, record the intent, write, record the
// result.
func (r *run) apply(ctx context.Context) (err error) {
	if r.inventory, err = r.applier.store.Load(ctx, r.set.Owner); err != nil {
		return err
	}
	if err := r.checkPlacement(); err != nil {
		return err
	}
	documents, err := r.read()
	if err != nil {
		return err
	}
	r.minimums = desired.MinimumReplicas(documents)
	live, err := r.readLive(ctx, documents)
	if err != nil {
		return err
	}
	problems := r.compare(documents, live)
	if !r.direct && slices.ContainsFunc(problems, isForeign) { // by an inventory that another process may have written since
		r.applier.store.Forget(r.set.Owner)
		return errStale
	}
	more, err := r.validate(ctx)
	if err != nil {
		return err
	}
	refused := r.withhold(append(problems, more...))
	if refused != nil && r.repair == nil { // a repair goes on with the objects that are not refused
		return refused
	}
	if err := r.recordIntent(ctx); err != nil {
		return err
	}
	r.writing = true
	err = r.write(ctx)
	if saveErr := r.recordResult(ctx); err == nil {
		err = saveErr
	}
	r.summarise()
	switch {
	case err != nil:
		return err
	case r.partial != nil:
		return r.partial
	}
	return refused
}

// compare finds the work, and the documents that can't be applied.
func (r *run) compare(documents []*desired.Document, live map[inventory.Key]*cluster.State) (problems []refused) {
	r.work, problems = compare(r.set, documents, r.inventory, live)
	return problems
}

// checkPlacement refuses a set that is for another cluster or namespace than
// the inventory: the objects there would be orphaned.
func (r *run) checkPlacement() error {
	i := r.inventory
	if len(i.Entries) > 0 && (i.Cluster != r.set.Cluster || i.Namespace != r.set.Namespace) {
		return fault.New(fault.Conflict, "%s has %d objects in namespace %s of cluster %s, and cannot move to namespace %s of cluster %s with them; delete the stage and let it be made again",
			r.set.Owner, len(i.Entries), i.Namespace, i.Cluster, r.set.Namespace, r.set.Cluster)
	}
	i.Cluster, i.Namespace = r.set.Cluster, r.set.Namespace
	return nil
}

// read returns the documents of the set, or those to repair.
func (r *run) read() ([]*desired.Document, error) {
	if r.repair != nil {
		return desired.ReadApplied(r.set, r.inventory, r.repair.Manifests)
	}
	return desired.Read(r.set, r.inventory)
}
