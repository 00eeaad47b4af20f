package tenancy

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Whatever a namespace's labels and annotations say, it is Slipway's only when they
// were written for this very namespace, by this server, for this use.
func TestNamespacesOfOthers(t *testing.T) {
	otherKey, err := NewMarker(bytes.Repeat([]byte("x"), 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	production := testStage()
	production.Stage = "production"
	others := map[string]func(*corev1.Namespace){
		"labelled":              func(n *corev1.Namespace) { n.Annotations = nil },
		"nobody's":              func(n *corev1.Namespace) { n.Labels, n.Annotations = nil, nil },
		"made anew, all copied": func(n *corev1.Namespace) { n.UID = "another" },
		"of another server":     func(n *corev1.Namespace) { *n = *made(t, otherKey, testStage()) },
		"of another stage":      func(n *corev1.Namespace) { *n = *made(t, testMarker(), production); n.Labels = testStage().Labels() },
		"another name, all copied": func(n *corev1.Namespace) {
			n.Annotations = made(t, testMarker(), Stage{Organization: "acme", Project: "shop", Stage: "dev", Namespace: "sw-other"}).Annotations
		},
		"an empty mark":      func(n *corev1.Namespace) { n.Annotations[naming.AnnotationOwner] = "" },
		"a mark of nonsense": func(n *corev1.Namespace) { n.Annotations[naming.AnnotationOwner] = "born.x.y" },
		"an old birth": func(n *corev1.Namespace) {
			testMarker().MarkNew(n)
			n.CreationTimestamp = metav1.NewTime(time.Now().Add(birthTime + time.Minute))
		},
	}
	for name, change := range others {
		t.Run(name, func(t *testing.T) {
			foreign := made(t, testMarker(), testStage())
			change(foreign)
			fake := &cluster{namespaces: map[string]*corev1.Namespace{testStage().Namespace: foreign}}
			applier := NewNamespaceApplier(fake, testMarker(), time.Now)
			err := applier.Ensure(t.Context(), NewNamespace(testStage()), nil)
			if fault.CodeOf(err) != fault.Conflict || fake.spent() != 1 || !strings.Contains(err.Error(), "adoptNamespaces of the Cluster") {
				t.Errorf("got %v; want a conflict and nothing written", err)
			}
			remains, err := applier.Delete(t.Context(), testStage().Namespace, testStage().Labels())
			if remains != "" || err != nil || len(fake.namespaces) == 0 {
				t.Errorf("delete: %q, %v; want it left alone", remains, err)
			}
			if wrong, err := applier.State(t.Context(), testStage().Namespace, testStage().Labels()); !strings.Contains(wrong, "somebody else") || err != nil {
				t.Errorf("its state: %q, %v", wrong, err)
			}
			mark := foreign.Annotations[naming.AnnotationOwner]
			applier = applier.Adopting([]types.UID{foreign.UID})
			if err := applier.Ensure(t.Context(), NewNamespace(testStage()), nil); err != nil {
				t.Errorf("adopted: %v", err)
			}
			if got := fake.namespaces[testStage().Namespace].Annotations[naming.AnnotationOwner]; mark != "" && got != mark {
				t.Error("the mark of another server was taken off")
			}
		})
	}
}

// A crash right after a namespace was made leaves one that is known all the same.
func TestNamespaceMadeBeforeACrash(t *testing.T) {
	fake := &cluster{namespaces: map[string]*corev1.Namespace{}}
	applier := NewNamespaceApplier(fake, testMarker(), time.Now)
	born, isNew, err := applier.create(t.Context(), NewNamespace(testStage()))
	if err != nil || !isNew {
		t.Fatalf("new: %t, %v", isNew, err)
	}
	if testMarker().IsMarked(born) {
		t.Error("it has its final mark before its UID is known")
	}
	if err := applier.Ensure(t.Context(), NewNamespace(testStage()), nil); err != nil {
		t.Fatal(err)
	}
	if !testMarker().IsMarked(fake.namespaces[testStage().Namespace]) {
		t.Error("it still has the mark of its birth")
	}
}

// What keeps a namespace is said in Kubernetes' words, with where to look.
func TestRemains(t *testing.T) {
	begun := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	condition := func(kind corev1.NamespaceConditionType, status corev1.ConditionStatus, message string) corev1.NamespaceCondition {
		return corev1.NamespaceCondition{Type: kind, Status: status, Message: message}
	}
	since := "namespace sw-x is being deleted since 2026-01-02 03:04:05 UTC"
	tests := map[string]struct {
		change func(*corev1.Namespace)
		want   string
	}{
		"it stays":      {func(n *corev1.Namespace) { n.DeletionTimestamp = nil }, ""},
		"it just began": {func(*corev1.Namespace) {}, since},
		"nothing is bad": {func(n *corev1.Namespace) {
			n.Status.Conditions = []corev1.NamespaceCondition{condition(corev1.NamespaceContentRemaining, corev1.ConditionFalse, "All content successfully removed")}
		}, since},
		"a finalizer": {func(n *corev1.Namespace) {
			n.Status.Conditions = []corev1.NamespaceCondition{
				condition(corev1.NamespaceContentRemaining, corev1.ConditionTrue, "Some resources are remaining: configmaps. has 1 resource instances, widgets.example.com has 2 resource instances"),
				condition(corev1.NamespaceFinalizersRemaining, corev1.ConditionTrue, "Some content in the namespace has finalizers remaining: example.com/hold in 3 resource instances"),
			}
		}, since + ": Some resources are remaining: configmaps. has 1 resource instances, widgets.example.com has 2 resource instances; Some content in the namespace has finalizers remaining: example.com/hold in 3 resource instances; look with kubectl -n sw-x get configmaps,widgets.example.com -o yaml; whoever set a finalizer there must take it off"},
		"one of its own": {func(n *corev1.Namespace) { n.Finalizers = []string{"example.com/hold"} }, since + ": the namespace itself has the finalizer example.com/hold; whoever set the finalizer must take it off"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "sw-x", DeletionTimestamp: &begun}}
			tt.change(n)
			if diff := cmp.Diff(tt.want, Remains(n)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
