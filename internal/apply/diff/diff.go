package diff

import (
	"context"
	"errors"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Kind says how an object differs from its manifest.
type Kind string

// How an object can differ.
const (
	Missing    Kind = "missing"    // there is no such object
	Changed    Kind = "changed"    // fields differ
	Foreign    Kind = "foreign"    // it belongs to somebody else
	Unreadable Kind = "unreadable" // it could not be compared
)

// Difference is one object that is not as its manifest says.
type Difference struct {
	Ref  inventory.Ref
	Kind Kind
	// Fields are the fields of a changed object that differ, sorted by path.
	Fields []Field
	// Reason is a sentence about an object of another kind of difference.
	Reason string
}

// Field is one field that differs.
type Field struct {
	// Path is readable: spec.template.spec.containers[main].image.
	Path string
	// Want and Have are JSON on one line, empty for a field that is absent. A
	// Secret's values are "(hidden)".
	Want, Have string
	// Manager is who set what is there, empty when it is not known.
	Manager string
}

// Compare compares the objects of a set with those on the cluster, and returns
// the differences sorted by object. It only reads, with the identity of config:
// that of the user who asks. Fields that the manifests do not name, such as
// defaults, an autoscaler's replicas and injected containers, are no
// difference, except those that Slipway applied earlier.
func Compare(ctx context.Context, config *rest.Config, set desired.Set) ([]Difference, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	reader, err := cluster.NewClient(cluster.New(nil), config)
	if err != nil {
		return nil, err
	}
	documents, err := desired.Read(set, &inventory.Inventory{Owner: set.Owner})
	if err != nil {
		return nil, err
	}
	scaled := desired.ScaleTargets(documents)
	var mutex sync.Mutex
	var found []Difference
	problems := cluster.Each(ctx, documents, func(ctx context.Context, d *desired.Document) error {
		difference, differs, err := differ(ctx, reader, set.Owner, d, scaled[d.Ref.Key()])
		if err != nil {
			return err
		}
		mutex.Lock()
		defer mutex.Unlock()
		if differs {
			found = append(found, difference)
		}
		return nil
	})
	slices.SortFunc(found, func(a, b Difference) int { return a.Ref.Compare(b.Ref) })
	return found, refusal.Join(problems)
}

// differ compares one object. An object that can't be read is a difference too,
// unless the cluster does not answer.
func differ(ctx context.Context, c *cluster.Client, owner inventory.Owner, d *desired.Document, scaled bool) (_ Difference, differs bool, _ error) {
	difference := Difference{Ref: d.Ref, Kind: Changed}
	live, err := c.Whole(ctx, d.Ref)
	switch {
	case apierrors.IsNotFound(err) && (d.Once() || d.Hook()):
		return difference, false, nil
	case apierrors.IsNotFound(err):
		difference.Kind, difference.Reason = Missing, d.Ref.String()+" does not exist"
		return difference, true, nil
	case apierrors.IsForbidden(err):
		difference.Kind, difference.Reason = Unreadable, "you may not read "+d.Ref.String()+"; ask a member with more rights"
		return difference, true, nil
	case err != nil:
		problem := refusal.Explain(d.Ref, err)
		var object *refusal.ObjectError
		if errors.As(problem, &object) && object.Code == fault.Invalid {
			difference.Kind, difference.Reason = Unreadable, object.Error()
			return difference, true, nil
		}
		return difference, false, problem
	}
	managers := readManagers(live)
	if !owner.Owns(labelsOf(live)) && managers.ours() == nil {
		difference.Kind, difference.Reason = Foreign, d.Ref.String()+" exists and was not made by Slipway"
		return difference, true, nil
	}
	difference.Fields = compareFields(d, live, managers, scaled)
	return difference, len(difference.Fields) > 0, nil
}

func labelsOf(object map[string]any) map[string]string {
	metadata, _ := object["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	texts := make(map[string]string, len(labels))
	for key, value := range labels {
		texts[key], _ = value.(string)
	}
	return texts
}
