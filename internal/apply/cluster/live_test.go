package cluster

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// someLive returns a view that nothing feeds, and its ConfigMaps.
func someLive(t testing.TB, changed func(inventory.Drift)) (*Live, *liveKind) {
	t.Helper()
	live, err := NewLive(&rest.Config{Host: "http://127.0.0.1:1"}, changed)
	if err != nil {
		t.Fatal(err)
	}
	return live, live.find(inventory.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "ns"})
}

// metaOf returns what a watch brings of an object that Slipway applied.
func metaOf(namespace, name, uid, version string) *metav1.PartialObjectMetadata {
	fields := fmt.Sprintf(`{"f:data":{"f:key":{}},"f:metadata":{"f:labels":{"f:app.kubernetes.io/managed-by":{},"f:slipway.dev/stage":{},"f:x-%s":{}}}}`, strings.Repeat("y", 400))
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(uid), ResourceVersion: version,
		Labels: map[string]string{"app.kubernetes.io/managed-by": "slipway", "slipway.dev/stage": "dev"},
		ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: FieldManager, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(fields), Time: &metav1.Time{Time: time.Unix(0, 0)},
		}},
	}}
}

func TestLiveIsNotTrustedBeforeItIsSynced(t *testing.T) {
	live, kind := someLive(t, nil)
	ref := inventory.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "ns", Name: "a"}
	if _, certain := live.lookup(ref); certain || live.Synced() {
		t.Error("a view that has read nothing is certain")
	}
	if err := kind.Add(metaOf("ns", "a", "1", "5")); err != nil {
		t.Fatal(err)
	}
	if _, certain := live.lookup(ref); certain {
		t.Error("a view that has read a part is certain")
	}
	if err := kind.Replace([]any{metaOf("ns", "a", "1", "5")}, "7"); err != nil {
		t.Fatal(err)
	}
	if s, certain := live.lookup(ref); !certain || s == nil || s.UID != "1" || !s.Applied {
		t.Errorf("%+v %v", s, certain)
	}
	kind.unsync() // the watch ended
	if _, certain := live.lookup(ref); certain {
		t.Error("a view that is no longer fed is certain")
	}
	var none *Live
	if _, certain := none.lookup(ref); certain || none.watches(ref) != true {
		t.Error("no view knows something")
	}
}

// What an apply noted is newer than what a slow watch, or a list made before
// it, brings later.
func TestLiveKeepsWhatIsNewer(t *testing.T) {
	var reported []inventory.Drift
	live, kind := someLive(t, func(d inventory.Drift) { reported = append(reported, d) })
	ref := inventory.Ref{Version: "v1", Kind: "ConfigMap", Namespace: "ns", Name: "a"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	uid := func() string {
		t.Helper()
		s, certain := live.lookup(ref)
		if !certain {
			t.Fatal("the view is not certain")
		}
		if s == nil {
			return ""
		}
		return s.UID
	}
	must(kind.Replace(nil, "3"))
	live.record(ref, StateOf(ref, metaOf("ns", "a", "new", "10")))
	must(kind.Update(metaOf("ns", "a", "old", "8")))
	must(kind.Delete(metaOf("ns", "a", "old", "9")))
	must(kind.Replace([]any{metaOf("ns", "a", "old", "8")}, "9"))
	must(kind.Replace(nil, "9"))
	if got := uid(); got != "new" || len(reported) != 0 {
		t.Errorf("history replaced what is newer: %q, reported %v", got, reported)
	}
	must(kind.Update(metaOf("ns", "a", "new", "11"))) // its status, say
	if len(reported) != 0 {
		t.Errorf("a change of its version only was reported: %v", reported)
	}
	must(kind.Replace(nil, "12"))
	if got := uid(); got != "" || len(reported) != 1 || reported[0].Kind != inventory.DriftDeleted {
		t.Errorf("a deletion that the watch missed: %q, reported %v", got, reported)
	}
}

// A thousand stages of five objects fit into little more than a megabyte.
func TestLiveStaysSmall(t *testing.T) {
	const objects, limit = 5000, 5000 * 300
	_, kind := someLive(t, nil)
	reduce := kind.Transformer()
	before := heap()
	list := make([]any, objects)
	for i := range list {
		reduced, err := reduce(metaOf(fmt.Sprintf("sw-acme-shop-stage-%d", i/5), fmt.Sprintf("object-%d", i), fmt.Sprintf("00000000-0000-4000-8000-%012d", i), fmt.Sprint(i+1)))
		if err != nil {
			t.Fatal(err)
		}
		list[i] = reduced
	}
	if err := kind.Replace(list, "100000"); err != nil {
		t.Fatal(err)
	}
	clear(list)
	used := heap() - before
	t.Logf("%d objects take %d KiB, %d bytes each", objects, used>>10, used/objects)
	if used > limit {
		t.Errorf("%d objects take %d KiB, more than %d", objects, used>>10, limit>>10)
	}
	runtime.KeepAlive(kind)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// Run ends with its context although the server does not answer.
func TestLiveEnds(t *testing.T) {
	live, _ := someLive(t, nil)
	keys := inventory.Ref{Version: "v1", Kind: "Secret", Namespace: "ns", Name: "keys"}
	live.watch(keys, live.source)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { live.Run(ctx); close(ended) }()
	live.Forget("ns")
	if live.watches(keys) {
		t.Error("the Secrets of a namespace are still watched after it is forgotten")
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("Run does not end")
	}
}
