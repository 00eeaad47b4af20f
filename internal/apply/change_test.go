package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
)

func parsed(t *testing.T, manifest string) *document {
	t.Helper()
	d := &document{raw: []byte(manifest), digest: digestOf(testSet("").Owner, []byte(manifest))}
	if err := d.parse(testSet("")); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecide(t *testing.T) {
	d := parsed(t, configMap("a", "1"))
	allowed := parsed(t, strings.Replace(configMap("a", "1"), "name: a\n", "name: a\n  annotations: {"+AnnotationAdopt+": \"true\"}\n", 1))
	own := testSet("").Owner.Labels()
	foreign := map[string]string{"app": "x"}
	elsewhere := Owner{"acme", "shop", "production"}.Labels()
	entry := func(uid, digest, fields string) Entry {
		return Entry{Ref: d.ref, UID: uid, Digest: digest, Fields: fields}
	}
	same := entry("u1", d.digest, "f1")
	for name, c := range map[string]struct {
		entry  *Entry
		live   *state
		set    func(*Set)
		action action
		reason cause.Code
		drift  bool
	}{
		"new":                         {nil, nil, nil, actionCreate, "", false},
		"unchanged":                   {&same, &state{uid: "u1", fields: "f1", applied: true}, nil, actionNone, "", false},
		"document changed":            {ptr(entry("u1", "old", "f1")), &state{uid: "u1", fields: "f1", applied: true}, nil, actionPatch, "", false},
		"field taken":                 {&same, &state{uid: "u1", fields: "f2", applied: true}, nil, actionPatch, "", true},
		"never applied by us":         {&same, &state{uid: "u1", fields: ""}, nil, actionPatch, "", true},
		"deleted":                     {&same, nil, nil, actionCreate, "", true},
		"being deleted":               {&same, &state{uid: "u1", fields: "f1", applied: true, deleting: true}, nil, actionCreate, "", true},
		"made anew with our labels":   {&same, &state{uid: "u2", labels: own}, nil, actionPatch, "", true},
		"made anew by somebody":       {&same, &state{uid: "u2", labels: foreign}, nil, actionNone, cause.Foreign, false},
		"intended, made before crash": {ptr(entry("", "", "")), &state{uid: "u1", applied: true, labels: own}, nil, actionPatch, "", false},
		"intended, labels lost":       {ptr(entry("", "", "")), &state{uid: "u1", applied: true, labels: foreign}, nil, actionPatch, "", false},
		"intended, somebody's":        {ptr(entry("", "", "")), &state{uid: "u1", labels: foreign}, nil, actionNone, cause.Foreign, false},
		"somebody's":                  {nil, &state{uid: "u1", labels: foreign}, nil, actionNone, cause.Foreign, false},
		"somebody's, allowed":         {nil, &state{uid: "u1", labels: foreign}, nil, actionAdopt, "", false},
		"another stage's, allowed":    {nil, &state{uid: "u1", labels: elsewhere}, nil, actionNone, cause.Foreign, false},
		"unknown with our labels":     {nil, &state{uid: "u1", labels: own}, nil, actionPatch, "", false},
		"hook done and gone":          {&Entry{Ref: d.ref, UID: "u1", Digest: d.digest, Hook: true, Done: true}, nil, nil, actionNone, "", false},
		"hook not done and gone":      {&Entry{Ref: d.ref, UID: "u1", Digest: d.digest, Hook: true}, nil, nil, actionCreate, "", true},
		"job vanished by itself":      {&Entry{Ref: d.ref, UID: "u1", Digest: d.digest, Once: true}, nil, nil, actionNone, "", false},
		"left alone":                  {&same, &state{uid: "u1", fields: "f2", applied: true}, func(s *Set) { s.Leave = []Key{d.ref.Key()} }, actionNone, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			set, inventory, live := testSet(""), &Inventory{}, map[Key]*state{}
			if c.set != nil {
				c.set(&set)
			}
			if c.entry != nil {
				inventory.put(*c.entry)
			}
			if c.live != nil {
				live[d.ref.Key()] = c.live
			}
			wanted := d
			if strings.HasSuffix(name, ", allowed") {
				wanted = allowed
			}
			work, err := compare(set, []*document{wanted}, inventory, live)
			if reasonOf(err) != c.reason {
				t.Fatalf("error %v, want %q", err, c.reason)
			}
			if err != nil {
				return
			}
			if got := work.changes[0]; got.action != c.action || got.drifted != c.drift {
				t.Errorf("action %d (drift %t), want %d (%t)", got.action, got.drifted, c.action, c.drift)
			}
		})
	}
}

// reasonOf returns the reason of the only object that failed.
func reasonOf(err error) cause.Code {
	var failure *Failure
	if !errors.As(err, &failure) || len(failure.Objects) != 1 || fault.CodeOf(err) != fault.Conflict {
		return ""
	}
	return failure.Objects[0].Reason
}

func TestCompareFindsWhatIsStale(t *testing.T) {
	inventory := &Inventory{}
	for _, name := range []string{"c", "a", "b"} {
		inventory.put(Entry{Ref: Ref{Version: "v1", Kind: "ConfigMap", Namespace: "sw-acme-shop-dev", Name: name}})
	}
	work, err := compare(testSet(""), []*document{parsed(t, configMap("b", "1"))}, inventory, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range work.stale {
		names = append(names, entry.Name)
	}
	if diff := cmp.Diff([]string{"a", "c"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReplicas(t *testing.T) {
	fixed, open := parsed(t, deployment("web", "i", 4)), parsed(t, deployment("web", "i", -1))
	for name, c := range map[string]struct {
		change *change
		want   *int32
	}{
		"fixed":                      {&change{document: fixed, action: actionPatch}, ptr(int32(4))},
		"open":                       {&change{document: open, action: actionPatch}, nil},
		"new and scaled":             {&change{document: fixed, scaled: true, action: actionCreate}, ptr(int32(3))},
		"replaced and scaled":        {&change{document: open, scaled: true, action: actionReplace}, ptr(int32(3))},
		"scaled, still ours":         {&change{document: open, scaled: true, action: actionPatch, live: &state{replicas: true}, entry: Entry{Replicas: ptr(int32(7))}}, ptr(int32(7))},
		"scaled, ours, not recorded": {&change{document: open, scaled: true, action: actionPatch, live: &state{replicas: true}}, ptr(int32(3))},
		"scaled by the autoscaler":   {&change{document: fixed, scaled: true, action: actionPatch, live: &state{}, entry: Entry{Replicas: ptr(int32(7))}}, nil},
		"foreign autoscaler":         {&change{document: fixed, leaveReplicas: true, action: actionPatch}, nil},
	} {
		if diff := cmp.Diff(c.want, c.change.replicas(3)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSettle(t *testing.T) {
	web := parsed(t, deployment("web", "i", 2))
	live := &state{managers: []manager{{name: "argocd", operation: metav1.ManagedFieldsOperationApply}, {name: "kubectl", operation: metav1.ManagedFieldsOperationUpdate}}}
	replicas := Conflict{Manager: "kube-controller-manager", Subresource: "scale", Field: ".spec.replicas"}
	for name, c := range map[string]struct {
		change   change
		conflict Conflict
		left     bool
		refused  bool
	}{
		"autoscaler of the set":   {change{scaled: true}, Conflict{Manager: "any", Subresource: "scale", Field: ".spec.replicas"}, true, false},
		"autoscaler of somebody":  {change{}, replicas, true, false},
		"autoscaler we had":       {change{entry: Entry{Scaled: true}}, replicas, false, false},
		"scaled by hand":          {change{}, Conflict{Manager: "kubectl", Subresource: "scale", Field: ".spec.replicas"}, false, false},
		"controller's image":      {change{}, Conflict{Manager: "kube-controller-manager", Field: ".spec.x"}, false, false},
		"edited by hand":          {change{}, Conflict{Manager: "kubectl", Field: ".spec.x"}, false, false},
		"declared by others":      {change{}, Conflict{Manager: "argocd", Field: ".spec.x"}, false, true},
		"declared by others once": {change{drifted: true}, Conflict{Manager: "argocd", Field: ".spec.x"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.change.document, c.change.live = web, live
			err := c.change.settle([]Conflict{c.conflict})
			if (err != nil) != c.refused {
				t.Fatalf("error %v, want one: %t", err, c.refused)
			}
			if c.change.leaveReplicas != c.left || !c.refused && (len(c.change.left) == 1) != c.left {
				t.Errorf("left alone: %t, want %t", c.change.leaveReplicas, c.left)
			}
		})
	}
}

func TestConflictsOf(t *testing.T) {
	status := &metav1.Status{Reason: metav1.StatusReasonConflict, Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict, Field: ".data.a", Message: `conflict with "kubectl-edit" using v1 at 2026-01-01T00:00:00Z`},
		{Type: metav1.CauseTypeFieldManagerConflict, Field: ".spec.replicas", Message: `conflict with "a \"b\"" with subresource "scale" using apps/v1`},
		{Type: metav1.CauseTypeFieldManagerConflict, Field: ".data.b", Message: `something new`},
		{Type: metav1.CauseTypeFieldValueInvalid, Field: ".data.c", Message: `conflict with "x"`},
	}}}
	want := []Conflict{
		{Manager: "kubectl-edit", Field: ".data.a"}, {Manager: `a "b"`, Subresource: "scale", Field: ".spec.replicas"}, {Manager: "another manager", Field: ".data.b"},
	}
	if diff := cmp.Diff(want, conflictsOf(Ref{}, status)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOwnedFieldsTellReplicasApart(t *testing.T) {
	with := `{"f:metadata":{},"f:spec":{"f:replicas":{},"f:selector":{}}}`
	without := `{"f:metadata":{},"f:spec":{"f:selector":{}}}`
	a, owned := ownedFields([]byte(with), true)
	b, _ := ownedFields([]byte(without), true)
	if a != b || !owned {
		t.Errorf("replicas are not told apart: %s %s %t", a, b, owned)
	}
	c, _ := ownedFields([]byte(with), false)
	if c == b {
		t.Error("a kind without replicas ignores a field")
	}
	for _, raw := range []string{`{"f:spec":{"f:a":{},"f:replicas":{}}}`, `{"f:spec":{"f:a":{}}}`} {
		if got, _ := ownedFields([]byte(raw), true); got != mustFields(`{"f:spec":{"f:a":{}}}`) {
			t.Errorf("%s has other fields", raw)
		}
	}
}

func mustFields(raw string) string {
	fields, _ := ownedFields([]byte(raw), true)
	return fields
}

func ptr[T any](v T) *T { return &v }
