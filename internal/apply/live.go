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

// readLive finds out what exists of the documents' objects: from the live view
// where it knows, with at most one request per kind else.
func (r *run) readLive(ctx context.Context, documents []*desired.Document) (map[inventory.Key]*cluster.State, error) {
	found := map[inventory.Key]*cluster.State{}
	questions := map[inventory.Ref]*kindQuery{}
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
		q := questions[kind]
		if q == nil {
			q = &kindQuery{kind: kind, names: map[string]bool{}, ours: true}
			questions[kind] = q
		}
		q.names[d.Ref.Name] = true
		q.ours = q.ours && known && entry.UID != ""
	}
	return found, r.runQueries(ctx, questions, found)
}

// kindQuery is what has to be asked about one kind.
type kindQuery struct {
	kind  inventory.Ref
	names map[string]bool
	ours  bool // all of them are known to have been ours
}

func (r *run) runQueries(ctx context.Context, questions map[inventory.Ref]*kindQuery, found map[inventory.Key]*cluster.State) error {
	var mutex sync.Mutex
	note := func(q *kindQuery, meta *metav1.PartialObjectMetadata) {
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
	list := make([]*kindQuery, 0, len(questions))
	for _, q := range questions {
		list = append(list, q)
	}
	problems := cluster.Each(ctx, list, func(ctx context.Context, q *kindQuery) error {
		err := r.runQuery(ctx, q, note)
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

func (r *run) runQuery(ctx context.Context, q *kindQuery, note func(*kindQuery, *metav1.PartialObjectMetadata)) error {
	client := r.applier.client
	if len(q.names) > 1 && q.kind.Namespace != "" {
		selector := ""
		if q.ours && !r.direct {
			selector = naming.LabelManagedBy + "=" + naming.ManagedBy
		}
		return client.List(ctx, q.kind, selector, func(meta *metav1.PartialObjectMetadata) { note(q, meta) })
	}
	for name := range q.names {
		ref := q.kind
		ref.Name = name
		meta, err := client.Get(ctx, ref)
		if err != nil {
			return err
		}
		if meta != nil {
			note(q, meta)
		}
	}
	return nil
}
