package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	amount "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// A StatefulSet's volumes can't be changed. Where they only grow, nothing need be
// lost: the claims that it made are expanded, and it is made anew around them and its
// pods.

// volumeClaim is a claim of a StatefulSet that is smaller than it should be.
type volumeClaim struct {
	ref  inventory.Ref
	size string
}

// growsVolumes reports whether the only immutable difference of a StatefulSet is that
// its volumes grow, and then notes which claims have to. An error says why they can't.
func (r *run) growsVolumes(ctx context.Context, c *change) (bool, error) {
	if c.document.Ref.GroupKind() != (schema.GroupKind{Group: "apps", Kind: "StatefulSet"}) {
		return false, nil
	}
	live, err := r.applier.client.Whole(ctx, c.document.Ref)
	if err != nil {
		return false, refusal.Explain(c.document.Ref, err)
	}
	spec, _ := live["spec"].(map[string]any)
	before, after := templatesOf(spec), templatesOf(c.document.Spec())
	grown, onlyGrown := grownTemplates(before, after)
	if !onlyGrown || len(grown) == 0 || !r.acceptsBut(ctx, c, spec["volumeClaimTemplates"]) {
		return false, nil
	}
	c.orphan = true
	if c.claims, err = r.smallClaims(ctx, c.document.Ref, grown); err != nil {
		return false, c.volumeRefused(err)
	}
	return true, r.growClaims(ctx, c, true)
}

// volumeRefused makes what keeps a claim from growing the error of its StatefulSet.
func (c *change) volumeRefused(err error) error {
	var failure *refusal.Failure
	if !errors.As(err, &failure) {
		return err
	}
	first := *failure.Objects[0]
	first.Words = fmt.Sprintf("its volume can't grow: %s: %s", first.Ref, first.Words)
	first.Ref = c.document.Ref
	return &first
}

// template is what counts of a volume claim template.
type template struct {
	name, class, mode string
	access            []string
	size              amount.Quantity
	text              string // the size, as it is written
}

// templatesOf reads the volume claim templates of a StatefulSet's spec.
func templatesOf(spec map[string]any) []template {
	list, _ := spec["volumeClaimTemplates"].([]any)
	templates := make([]template, 0, len(list))
	for _, item := range list {
		object, _ := item.(map[string]any)
		metadata, _ := object["metadata"].(map[string]any)
		claimSpec, _ := object["spec"].(map[string]any)
		resources, _ := claimSpec["resources"].(map[string]any)
		requests, _ := resources["requests"].(map[string]any)
		var t template
		t.name, _ = metadata["name"].(string)
		t.class, _ = claimSpec["storageClassName"].(string)
		t.mode, _ = claimSpec["volumeMode"].(string)
		modes, _ := claimSpec["accessModes"].([]any)
		for _, mode := range modes {
			t.access = append(t.access, fmt.Sprint(mode))
		}
		t.text = fmt.Sprint(requests["storage"])
		t.size, _ = amount.ParseQuantity(t.text) // zero is smaller than every other
		templates = append(templates, t)
	}
	return templates
}

// grownTemplates returns the templates that are larger than before; ok is false when
// anything else differs.
func grownTemplates(before, after []template) (grown []template, ok bool) {
	if len(before) != len(after) {
		return nil, false
	}
	for _, t := range after {
		at := slices.IndexFunc(before, func(b template) bool { return b.name == t.name })
		if at < 0 {
			return nil, false
		}
		b := before[at]
		if t.class != "" && t.class != b.class || t.mode != "" && t.mode != b.mode || !slices.Equal(t.access, b.access) {
			return nil, false
		}
		switch t.size.Cmp(b.size) {
		case -1:
			return nil, false
		case 1:
			grown = append(grown, t)
		}
	}
	return grown, true
}

// acceptsBut reports whether the server accepts a StatefulSet with the volume claim
// templates that it has.
func (r *run) acceptsBut(ctx context.Context, c *change, templates any) bool {
	body, err := r.body(c)
	if err != nil {
		return false
	}
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return false
	}
	spec, _ := object["spec"].(map[string]any)
	spec["volumeClaimTemplates"] = templates
	if body, err = json.Marshal(object); err != nil {
		return false
	}
	_, _, _, err = r.applier.client.Patch(ctx, c.document.Ref, body, true, true)
	return err == nil
}

// smallClaims returns the claims that a StatefulSet made of templates which have
// grown since. Kubernetes finds them by their names, so they are found by them here.
func (r *run) smallClaims(ctx context.Context, set inventory.Ref, grown []template) ([]volumeClaim, error) {
	kind := inventory.Ref{Version: "v1", Kind: "PersistentVolumeClaim", Namespace: set.Namespace}
	var claims []volumeClaim
	err := r.applier.client.List(ctx, kind, "", func(meta *metav1.PartialObjectMetadata) {
		for _, t := range grown {
			pattern := regexp.MustCompile("^" + regexp.QuoteMeta(t.name+"-"+set.Name) + "-[0-9]+$")
			if pattern.MatchString(meta.Name) {
				ref := kind
				ref.Name = meta.Name
				claims = append(claims, volumeClaim{ref, t.text})
			}
		}
	})
	if err != nil {
		return nil, refusal.Explain(kind, err)
	}
	return r.keepSmall(ctx, claims)
}

// keepSmall returns those of some claims that are smaller than they should be.
func (r *run) keepSmall(ctx context.Context, claims []volumeClaim) ([]volumeClaim, error) {
	var mutex sync.Mutex
	var small []volumeClaim
	err := refusal.Join(cluster.Each(ctx, claims, func(ctx context.Context, one volumeClaim) error {
		object, err := r.applier.client.Whole(ctx, one.ref)
		if err != nil {
			return refusal.Explain(one.ref, err)
		}
		spec, _ := object["spec"].(map[string]any)
		have := templatesOf(map[string]any{"volumeClaimTemplates": []any{map[string]any{"spec": spec}}})[0].size
		want, err := amount.ParseQuantity(one.size)
		if err != nil || want.Cmp(have) <= 0 {
			return nil
		}
		status, _ := object["status"].(map[string]any)
		if status["phase"] != "Bound" {
			return refusal.New(one.ref, cause.VolumePending, fault.Conflict, "it can't grow before it is bound to a volume", "see why it is not, and deploy again then; or delete it, if it holds nothing yet")
		}
		mutex.Lock()
		defer mutex.Unlock()
		small = append(small, one)
		return nil
	}))
	slices.SortFunc(small, func(a, b volumeClaim) int { return a.ref.Compare(b.ref) })
	return small, err
}

// growClaims expands the claims of a change, or has the server check that.
func (r *run) growClaims(ctx context.Context, c *change, dryRun bool) error {
	return c.volumeRefused(refusal.Join(cluster.Each(ctx, c.claims, func(ctx context.Context, one volumeClaim) error {
		body, err := json.Marshal(map[string]any{"spec": map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": one.size}}}})
		if err != nil {
			return fmt.Errorf("encode the size of %s: %w", one.ref, err)
		}
		if err := r.applier.client.Merge(ctx, one.ref, body, dryRun); err != nil {
			return refusal.Explain(one.ref, err)
		}
		return nil
	})))
}
