package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/fault"
)

// DifferenceKind says how an object differs from its manifest.
type DifferenceKind string

// How an object can differ.
const (
	DifferenceMissing    DifferenceKind = "missing"    // there is no such object
	DifferenceChanged    DifferenceKind = "changed"    // fields differ
	DifferenceForeign    DifferenceKind = "foreign"    // it belongs to somebody else
	DifferenceUnreadable DifferenceKind = "unreadable" // it could not be compared
)

// Difference is one object that is not as its manifest says.
type Difference struct {
	Ref  Ref
	Kind DifferenceKind
	// Fields are what differs of a changed object, sorted by path.
	Fields []FieldDifference
	// Reason is a sentence about an object of another kind of difference.
	Reason string
}

// FieldDifference is one field that differs.
type FieldDifference struct {
	// Path is readable: spec.template.spec.containers[main].image.
	Path string
	// Want and Have are JSON on one line, empty for a field that is absent. A
	// Secret's values are "(hidden)".
	Want, Have string
	// Manager is who set what is there, empty when it is not known.
	Manager string
}

// Diff compares what is there with what a set says, and returns what differs,
// sorted by object. It reads only, with the identity of config: that of the
// user who asks. What the manifests do not name, such as defaults, an
// autoscaler's replicas and injected containers, is no difference; what Slipway
// set earlier and they no longer name is.
func Diff(ctx context.Context, config *rest.Config, set Set) ([]Difference, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	reader, err := newClient(NewCluster(nil), config)
	if err != nil {
		return nil, err
	}
	documents, err := readWanted(set, &Inventory{Owner: set.Owner})
	if err != nil {
		return nil, err
	}
	scaled := scaleTargets(documents)
	var mutex sync.Mutex
	var found []Difference
	problems := each(ctx, documents, func(ctx context.Context, d *document) error {
		difference, differs, err := reader.differ(ctx, set.Owner, d, scaled[d.ref.Key()])
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
	slices.SortFunc(found, func(a, b Difference) int { return a.Ref.compare(b.Ref) })
	return found, failed(problems)
}

// differ compares one object. What keeps it from being read is a difference
// of its own, unless the cluster does not answer.
func (c *client) differ(ctx context.Context, owner Owner, d *document, scaled bool) (_ Difference, differs bool, _ error) {
	difference := Difference{Ref: d.ref, Kind: DifferenceChanged}
	live, err := c.whole(ctx, d.ref)
	switch {
	case apierrors.IsNotFound(err) && (d.once() || d.hook()):
		return difference, false, nil
	case apierrors.IsNotFound(err):
		difference.Kind, difference.Reason = DifferenceMissing, d.ref.String()+" does not exist"
		return difference, true, nil
	case apierrors.IsForbidden(err):
		difference.Kind, difference.Reason = DifferenceUnreadable, "you may not read "+d.ref.String()+"; ask a member with more rights"
		return difference, true, nil
	case err != nil:
		problem := explain(d.ref, err)
		var object *ObjectError
		if errors.As(problem, &object) && object.Code == fault.Invalid {
			difference.Kind, difference.Reason = DifferenceUnreadable, object.Error()
			return difference, true, nil
		}
		return difference, false, problem
	}
	managers := readManagers(live)
	if !owner.owns(labelsOf(live)) && managers.ours() == nil {
		difference.Kind, difference.Reason = DifferenceForeign, d.ref.String()+" exists and was not made by Slipway"
		return difference, true, nil
	}
	difference.Fields = compareFields(d, live, managers, scaled)
	return difference, len(difference.Fields) > 0, nil
}

// maxWhole bounds the answer to a read of one object, in bytes.
const maxWhole = 4 << 20

// whole reads all of an object.
func (c *client) whole(ctx context.Context, ref Ref) (map[string]any, error) {
	path, err := c.path(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return nil, err
	}
	defer c.cluster.limiter.release()
	body, err := c.rest.Get().AbsPath(path...).SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	if len(body) > maxWhole {
		return nil, fault.New(fault.Invalid, "%s is %d MiB, too large to compare", ref, len(body)>>20)
	}
	object := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, fault.New(fault.Unavailable, "the cluster's answer about %s is no object", ref) // its words could quote a Secret
	}
	return object, nil
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

// String returns the difference as a few lines that people read.
func (d Difference) String() string {
	if d.Kind != DifferenceChanged {
		return d.Reason + "\n"
	}
	var out strings.Builder
	out.WriteString(d.Ref.String() + "\n")
	for _, field := range d.Fields {
		out.WriteString("  " + field.Path)
		if field.Manager != "" {
			out.WriteString(" (by " + field.Manager + ")")
		}
		out.WriteString("\n")
		if field.Have != "" {
			out.WriteString("  - " + field.Have + "\n")
		}
		if field.Want != "" {
			out.WriteString("  + " + field.Want + "\n")
		}
	}
	return out.String()
}
