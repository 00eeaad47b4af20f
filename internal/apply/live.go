package apply

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/naming"
)

// readLive returns the states of the documents' objects that exist: from the
// live view where it is certain, otherwise with at most one list per kind.
func (r *run) readLive(ctx context.Context, documents []*desired.Document) (map[inventory.Key]*cluster.State, error) {
	found := map[inventory.Key]*cluster.State{}
	queries := map[inventory.Ref]*kindQuery{}
	for _, d := range documents {
		entry, known := r.inventory.Lookup(d.Ref.Key())
		if known && entry.Hook && entry.Done && entry.Digest == d.Digest {
			continue
		}
		if known && !r.direct && entry.UID != "" {
			if s, certain := r.applier.client.Lookup(d.Ref); certain && s != nil && s.UID == entry.UID {
				found[d.Ref.Key()] = s
				continue
			}
		}
		kind := d.Ref
		kind.Name = ""
		q := queries[kind]
		if q == nil {
			q = &kindQuery{kind: kind, names: map[string]bool{}, ours: true}
			queries[kind] = q
		}
		q.names[d.Ref.Name] = true
		q.ours = q.ours && known && entry.UID != ""
	}
	return found, r.runQueries(ctx, queries, found)
}

// kindQuery is which objects of one kind have to be read.
type kindQuery struct {
	kind  inventory.Ref
	names map[string]bool
	ours  bool // the inventory has all of them, so they carry our labels
}

// runQueries reads the objects of all queries into found.
func (r *run) runQueries(ctx context.Context, queries map[inventory.Ref]*kindQuery, found map[inventory.Key]*cluster.State) error {
	var mutex sync.Mutex
	keep := func(q *kindQuery, meta *metav1.PartialObjectMetadata) {
		ref := q.kind
		ref.Name = meta.Name
		if !q.names[meta.Name] {
			return
		}
		s := cluster.StateOf(ref, meta)
		mutex.Lock()
		defer mutex.Unlock()
		found[ref.Key()] = s
	}
	list := make([]*kindQuery, 0, len(queries))
	for _, q := range queries {
		list = append(list, q)
	}
	problems := cluster.Each(ctx, list, func(ctx context.Context, q *kindQuery) error {
		err := r.runQuery(ctx, q, keep)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return refusal.Explain(q.kind, err)
	})
	return refusal.Join(problems)
}

// runQuery lists the objects of a kind, or gets the only one.
func (r *run) runQuery(ctx context.Context, q *kindQuery, keep func(*kindQuery, *metav1.PartialObjectMetadata)) error {
	client := r.applier.client
	if len(q.names) > 1 && q.kind.Namespace != "" {
		selector := ""
		if q.ours && !r.direct {
			selector = naming.LabelManagedBy + "=" + naming.ManagedBy
		}
		return client.List(ctx, q.kind, selector, func(meta *metav1.PartialObjectMetadata) { keep(q, meta) })
	}
	for name := range q.names {
		ref := q.kind
		ref.Name = name
		meta, err := client.Get(ctx, ref)
		if err != nil {
			return err
		}
		if meta != nil {
			keep(q, meta)
		}
	}
	return nil
}
