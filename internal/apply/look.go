package apply

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/naming"
)

// look finds out what exists of the documents' objects: from the live view
// where it knows, with at most one request per kind else.
func (r *run) look(ctx context.Context, documents []*document) (map[Key]*state, error) {
	found := map[Key]*state{}
	questions := map[Ref]*question{}
	for _, d := range documents {
		entry, known := r.inventory.Lookup(d.ref.Key())
		if known && entry.Hook && entry.Done && entry.Digest == d.digest {
			continue
		}
		if known && !r.direct && entry.UID != "" {
			if s, certain := r.applier.client.lookup(d.ref); certain && s != nil && s.uid == entry.UID {
				found[d.ref.Key()] = s
				continue
			}
		}
		kind := d.ref
		kind.Name = ""
		q := questions[kind]
		if q == nil {
			q = &question{kind: kind, names: map[string]bool{}, ours: true}
			questions[kind] = q
		}
		q.names[d.ref.Name] = true
		q.ours = q.ours && known && entry.UID != ""
	}
	return found, r.ask(ctx, questions, found)
}

// question is what has to be asked about one kind.
type question struct {
	kind  Ref
	names map[string]bool
	ours  bool // all of them are known to have been ours
}

func (r *run) ask(ctx context.Context, questions map[Ref]*question, found map[Key]*state) error {
	var mutex sync.Mutex
	note := func(q *question, meta *metav1.PartialObjectMetadata) {
		ref := q.kind
		ref.Name = meta.Name
		if !q.names[meta.Name] {
			return
		}
		s := observe(ref, meta)
		mutex.Lock()
		defer mutex.Unlock()
		found[ref.Key()] = s
	}
	list := make([]*question, 0, len(questions))
	for _, q := range questions {
		list = append(list, q)
	}
	problems := each(ctx, list, func(ctx context.Context, q *question) error {
		err := r.answer(ctx, q, note)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return explain(q.kind, err)
	})
	return failed(problems)
}

func (r *run) answer(ctx context.Context, q *question, note func(*question, *metav1.PartialObjectMetadata)) error {
	client := r.applier.client
	if len(q.names) > 1 && q.kind.Namespace != "" {
		selector := ""
		if q.ours && !r.direct {
			selector = naming.LabelManagedBy + "=" + naming.ManagedBy
		}
		return client.list(ctx, q.kind, selector, func(meta *metav1.PartialObjectMetadata) { note(q, meta) })
	}
	for name := range q.names {
		ref := q.kind
		ref.Name = name
		meta, err := client.get(ctx, ref)
		if err != nil {
			return err
		}
		if meta != nil {
			note(q, meta)
		}
	}
	return nil
}
