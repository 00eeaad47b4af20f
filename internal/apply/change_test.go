package apply

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

func someSet(manifests string) desired.Set {
	return desired.Set{Owner: inventory.Owner{Organization: "acme", Project: "shop", Stage: "dev"}, Cluster: "c", Namespace: "sw-acme-shop-dev", Manifests: []byte(manifests)}
}

func parsed(t *testing.T, manifest string) *desired.Document {
	t.Helper()
	documents, err := desired.Read(someSet(manifest), &inventory.Inventory{})
	if err != nil || len(documents) != 1 {
		t.Fatalf("%d documents: %v", len(documents), err)
	}
	return documents[0]
}

func TestDecide(t *testing.T) {
	d := parsed(t, configMap("a", "1"))
	allowed := parsed(t, strings.Replace(configMap("a", "1"), "name: a\n", "name: a\n  annotations: {"+desired.AnnotationAdopt+": \"true\"}\n", 1))
	own := someSet("").Owner.Labels()
	foreign := map[string]string{"app": "x"}
	elsewhere := inventory.Owner{Organization: "acme", Project: "shop", Stage: "production"}.Labels()
	entry := func(uid, digest, fields string) inventory.Entry {
		return inventory.Entry{Ref: d.Ref, UID: uid, Digest: digest, Fields: fields}
	}
	same, intended, going := entry("u1", d.Digest, "f1"), entry("", "", ""), entry("u1", "", "")
	intended.Intent, going.Intent = "i1", "i1"
	for name, c := range map[string]struct {
		entry  *inventory.Entry
		live   *cluster.State
		set    func(*desired.Set)
		action action
		reason cause.Code
		drift  bool
	}{
		"new":                         {nil, nil, nil, actionCreate, "", false},
		"unchanged":                   {&same, &cluster.State{UID: "u1", Fields: "f1", Applied: true}, nil, actionNone, "", false},
		"document changed":            {new(entry("u1", "old", "f1")), &cluster.State{UID: "u1", Fields: "f1", Applied: true}, nil, actionPatch, "", false},
		"field taken":                 {&same, &cluster.State{UID: "u1", Fields: "f2", Applied: true}, nil, actionPatch, "", true},
		"never applied by us":         {&same, &cluster.State{UID: "u1", Fields: ""}, nil, actionPatch, "", true},
		"deleted":                     {&same, nil, nil, actionCreate, "", true},
		"being deleted":               {&same, &cluster.State{UID: "u1", Fields: "f1", Applied: true, Deleting: true}, nil, actionCreate, "", true},
		"made anew, all copied":       {&same, &cluster.State{UID: "u2", Labels: own, Applied: true, Fields: "f1"}, nil, actionNone, cause.Foreign, false},
		"made anew by somebody":       {&same, &cluster.State{UID: "u2", Labels: foreign}, nil, actionNone, cause.Foreign, false},
		"intended, made before crash": {&intended, &cluster.State{UID: "u1", Applied: true, Labels: own, Intent: "i1"}, nil, actionPatch, "", false},
		"intended, labels lost":       {&intended, &cluster.State{UID: "u1", Applied: true, Labels: foreign, Intent: "i1"}, nil, actionPatch, "", false},
		"intended, a controller's":    {&intended, &cluster.State{UID: "u1", Applied: true, Intent: "i1", Managers: []cluster.Manager{{Name: "kube-scheduler"}}}, nil, actionPatch, "", false},
		"intended, somebody's":        {&intended, &cluster.State{UID: "u1", Labels: foreign}, nil, actionNone, cause.Foreign, false},
		"intended, all copied":        {&intended, &cluster.State{UID: "u1", Labels: own, Applied: true}, nil, actionNone, cause.Foreign, false},
		"intended, an old intent":     {&intended, &cluster.State{UID: "u1", Labels: own, Applied: true, Intent: "i0"}, nil, actionNone, cause.Foreign, false},
		"intended, both made it":      {&intended, &cluster.State{UID: "u1", Applied: true, Intent: "i1", Managers: []cluster.Manager{{Name: "kubectl"}}}, nil, actionNone, cause.Foreign, false},
		"no intent, all copied":       {new(entry("", "", "")), &cluster.State{UID: "u1", Labels: own, Applied: true}, nil, actionNone, cause.Foreign, false},
		"goes, before crash":          {&going, &cluster.State{UID: "u1", Applied: true}, nil, actionPatch, "", false},
		"goes, and is made":           {&going, &cluster.State{UID: "u2", Applied: true, Intent: "i1"}, nil, actionPatch, "", false},
		"goes, and is somebody's":     {&going, &cluster.State{UID: "u2", Applied: true, Labels: own}, nil, actionNone, cause.Foreign, false},
		"somebody's":                  {nil, &cluster.State{UID: "u1", Labels: foreign}, nil, actionNone, cause.Foreign, false},
		"somebody's, allowed":         {nil, &cluster.State{UID: "u1", Labels: foreign}, nil, actionAdopt, "", false},
		"another stage's, allowed":    {nil, &cluster.State{UID: "u1", Labels: elsewhere}, nil, actionNone, cause.Foreign, false},
		"unknown, all copied":         {nil, &cluster.State{UID: "u1", Labels: own, Applied: true, Intent: "i1"}, nil, actionNone, cause.Foreign, false},
		"hook done and gone":          {&inventory.Entry{Ref: d.Ref, UID: "u1", Digest: d.Digest, Hook: true, Done: true}, nil, nil, actionNone, "", false},
		"hook not done and gone":      {&inventory.Entry{Ref: d.Ref, UID: "u1", Digest: d.Digest, Hook: true}, nil, nil, actionCreate, "", true},
		"job vanished by itself":      {&inventory.Entry{Ref: d.Ref, UID: "u1", Digest: d.Digest, Once: true}, nil, nil, actionNone, "", false},
		"left alone":                  {&same, &cluster.State{UID: "u1", Fields: "f2", Applied: true}, func(s *desired.Set) { s.Leave = []inventory.Key{d.Ref.Key()} }, actionNone, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			set, owned, live := someSet(""), &inventory.Inventory{}, map[inventory.Key]*cluster.State{}
			if c.set != nil {
				c.set(&set)
			}
			if c.entry != nil {
				owned.Entries = []inventory.Entry{*c.entry}
			}
			if c.live != nil {
				live[d.Ref.Key()] = c.live
			}
			wanted := d
			if strings.HasSuffix(name, ", allowed") {
				wanted = allowed
			}
			work, problems := compare(set, []*desired.Document{wanted}, owned, live)
			if got := reasonOf(problems); got != c.reason {
				t.Fatalf("refused because %q, want %q: %v", got, c.reason, problems)
			}
			if len(problems) > 0 {
				return
			}
			if got := work.changes[0]; got.action != c.action || got.drifted != c.drift {
				t.Errorf("action %d (drift %t), want %d (%t)", got.action, got.drifted, c.action, c.drift)
			}
		})
	}
}

// reasonOf returns the reason of the only object that is refused.
func reasonOf(problems []refused) cause.Code {
	var object *refusal.ObjectError
	if len(problems) != 1 || !errors.As(problems[0].err, &object) || object.Code != fault.Conflict {
		return ""
	}
	return object.Reason
}

func TestCompareFindsWhatIsStale(t *testing.T) {
	owned := &inventory.Inventory{}
	for _, name := range []string{"c", "a", "b"} {
		owned.Put(inventory.Entry{Ref: inventory.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "sw-acme-shop-dev", Name: name}})
	}
	work, problems := compare(someSet(""), []*desired.Document{parsed(t, configMap("b", "1"))}, owned, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
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
	fixed, open, none := parsed(t, deployment("web", "i", 4)), parsed(t, deployment("web", "i", -1)), parsed(t, deployment("web", "i", 0))
	for name, c := range map[string]struct {
		change *change
		want   *int32
	}{
		"fixed":                      {&change{document: fixed, action: actionPatch}, new(int32(4))},
		"open":                       {&change{document: open, action: actionPatch}, nil},
		"new and scaled":             {&change{document: fixed, scaled: true, action: actionCreate}, new(int32(3))},
		"replaced and scaled":        {&change{document: open, scaled: true, action: actionReplace}, new(int32(3))},
		"scaled, still ours":         {&change{document: open, scaled: true, action: actionPatch, live: &cluster.State{Replicas: true}, entry: inventory.Entry{Replicas: new(int32(7))}}, new(int32(7))},
		"scaled, ours, not recorded": {&change{document: open, scaled: true, action: actionPatch, live: &cluster.State{Replicas: true}}, new(int32(3))},
		"scaled by the autoscaler":   {&change{document: fixed, scaled: true, action: actionPatch, live: &cluster.State{}, entry: inventory.Entry{Replicas: new(int32(7))}}, nil},
		"scaled, woken":              {&change{document: open, scaled: true, action: actionPatch, live: &cluster.State{Replicas: true}, entry: inventory.Entry{Replicas: new(int32(0))}}, new(int32(3))},
		"scaled to zero, still ours": {&change{document: none, scaled: true, action: actionPatch, live: &cluster.State{Replicas: true}, entry: inventory.Entry{Replicas: new(int32(7))}}, new(int32(0))},
		"scaled to zero":             {&change{document: none, scaled: true, action: actionPatch, live: &cluster.State{}, entry: inventory.Entry{Replicas: new(int32(7))}}, new(int32(0))},
		"foreign autoscaler":         {&change{document: fixed, leaveReplicas: true, action: actionPatch}, nil},
	} {
		if diff := cmp.Diff(c.want, c.change.replicas(3)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSettle(t *testing.T) {
	web := parsed(t, deployment("web", "i", 2))
	live := &cluster.State{Managers: []cluster.Manager{{Name: "argocd", Operation: metav1.ManagedFieldsOperationApply}, {Name: "kubectl", Operation: metav1.ManagedFieldsOperationUpdate}}}
	replicas := refusal.Conflict{Manager: "kube-controller-manager", Subresource: "scale", Field: ".spec.replicas"}
	for name, c := range map[string]struct {
		change   change
		conflict refusal.Conflict
		left     bool
		refused  bool
	}{
		"set to zero":             {change{scaled: true, document: parsed(t, deployment("web", "i", 0))}, refusal.Conflict{Manager: "any", Subresource: "scale", Field: ".spec.replicas"}, false, false},
		"autoscaler of the set":   {change{scaled: true}, refusal.Conflict{Manager: "any", Subresource: "scale", Field: ".spec.replicas"}, true, false},
		"autoscaler of somebody":  {change{}, replicas, true, false},
		"autoscaler we had":       {change{entry: inventory.Entry{Scaled: true}}, replicas, false, false},
		"scaled by hand":          {change{}, refusal.Conflict{Manager: "kubectl", Subresource: "scale", Field: ".spec.replicas"}, false, false},
		"controller's image":      {change{}, refusal.Conflict{Manager: "kube-controller-manager", Field: ".spec.x"}, false, false},
		"edited by hand":          {change{}, refusal.Conflict{Manager: "kubectl", Field: ".spec.x"}, false, false},
		"declared by others":      {change{}, refusal.Conflict{Manager: "argocd", Field: ".spec.x"}, false, true},
		"declared by others once": {change{drifted: true}, refusal.Conflict{Manager: "argocd", Field: ".spec.x"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c.change.live = live; c.change.document == nil {
				c.change.document = web
			}
			err := c.change.resolve([]refusal.Conflict{c.conflict})
			if (err != nil) != c.refused {
				t.Fatalf("error %v, want one: %t", err, c.refused)
			}
			if c.change.leaveReplicas != c.left || !c.refused && (len(c.change.left) == 1) != c.left {
				t.Errorf("left alone: %t, want %t", c.change.leaveReplicas, c.left)
			}
		})
	}
}
