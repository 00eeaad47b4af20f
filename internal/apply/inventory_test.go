package apply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/fault"
)

func anyEntry() *rapid.Generator[Entry] {
	return rapid.Custom(func(t *rapid.T) Entry {
		word := rapid.StringMatching(`[a-z][a-z0-9-]{0,20}`)
		e := Entry{
			Ref:    Ref{Group: rapid.SampledFrom([]string{"", "apps", "batch"}).Draw(t, "group"), Version: "v1", Kind: rapid.SampledFrom([]string{"ConfigMap", "Deployment", "Job"}).Draw(t, "kind"), Namespace: "ns", Name: word.Draw(t, "name")},
			UID:    rapid.StringMatching(`[0-9a-f-]{0,36}`).Draw(t, "uid"),
			Digest: rapid.StringMatching(`[A-Za-z0-9_-]{0,22}`).Draw(t, "digest"), Fields: rapid.StringMatching(`[A-Za-z0-9_-]{0,16}`).Draw(t, "fields"),
			Service: word.Draw(t, "service"), Stale: rapid.Bool().Draw(t, "stale"), Keep: rapid.Bool().Draw(t, "keep"), Hook: rapid.Bool().Draw(t, "hook"),
			Done: rapid.Bool().Draw(t, "done"), Once: rapid.Bool().Draw(t, "once"), OwnsReplicas: rapid.Bool().Draw(t, "owns"), Scaled: rapid.Bool().Draw(t, "scaled"),
		}
		if rapid.Bool().Draw(t, "claims") {
			e.Replicas = ptr(rapid.Int32Range(0, 9).Draw(t, "replicas"))
		}
		return e
	})
}

func TestInventoryKeepsItsOrderAndSurvivesStorage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := &Inventory{Owner: Owner{"acme", "shop", "dev"}, Cluster: "c", Namespace: "ns", Entries: []Entry{}}
		model := map[Key]Entry{}
		for _, e := range rapid.SliceOf(anyEntry()).Draw(t, "entries") {
			i.put(e)
			model[e.Key()] = e
			if rapid.Bool().Draw(t, "remove") {
				i.remove(e.Key())
				delete(model, e.Key())
			}
		}
		if !slices.IsSortedFunc(i.Entries, func(a, b Entry) int { return a.compare(b.Ref) }) || len(i.Entries) != len(model) {
			t.Fatalf("%d entries in disorder, want %d: %v", len(i.Entries), len(model), i.Entries)
		}
		for key, want := range model {
			if got, ok := i.Lookup(key); !ok || !cmp.Equal(got, want) {
				t.Fatalf("%v: %v", key, got)
			}
		}
		key, data, err := i.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeInventory(i.Owner, key, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(i, back, cmpopts.IgnoreUnexported(Inventory{})); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestLargeInventoryFits(t *testing.T) {
	i := &Inventory{Owner: Owner{"acme", "shop", "dev"}, Namespace: "sw-acme-shop-dev"}
	for n := range maxDocuments {
		i.Entries = append(i.Entries, Entry{
			Ref: Ref{Version: "v1", Kind: "ConfigMap", Namespace: i.Namespace, Name: fmt.Sprintf("settings-of-service-%05d", n)},
			UID: fmt.Sprintf("%08x-1111-4222-8333-%012x", n*7919, n*104729), Digest: digestOf(i.Owner, []byte{byte(n), byte(n >> 8)}), Fields: digestOf(i.Owner, []byte{byte(n)})[:16], Service: "web",
		})
	}
	i.sort()
	key, data, err := i.encode()
	if err != nil || key != compressedKey {
		t.Fatalf("%s: %v", key, err)
	}
	t.Logf("%d objects take %d KiB", len(i.Entries), len(data)>>10)
	back, err := decodeInventory(i.Owner, key, data)
	if err != nil || len(back.Entries) != maxDocuments {
		t.Fatalf("%v", err)
	}
}

func TestDamagedInventoryIsNeverEmpty(t *testing.T) {
	owner := Owner{"acme", "shop", "dev"}
	good := &Inventory{Owner: owner}
	_, data, err := good.encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		owner Owner
		key   string
		data  []byte
	}{
		"nothing":       {owner, plainKey, nil},
		"cut":           {owner, plainKey, data[:len(data)/2]},
		"not gzip":      {owner, compressedKey, data},
		"newer format":  {owner, plainKey, []byte(`{"format":2}`)},
		"other stage's": {Owner{"acme", "shop", "production"}, plainKey, data},
	} {
		if got, err := decodeInventory(c.owner, c.key, c.data); err == nil || fault.CodeOf(err) != fault.Internal {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	bomb, err := compress(make([]byte, readLimit+1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeInventory(owner, compressedKey, bomb); err == nil {
		t.Error("a decompression bomb was read")
	}
}

func FuzzDecodeInventory(f *testing.F) {
	owner := Owner{"acme", "shop", "dev"}
	f.Add(plainKey, []byte(`{"format":1,"organization":"acme","project":"shop","stage":"dev","objects":[{"k":"X"}]}`))
	f.Fuzz(func(_ *testing.T, key string, data []byte) {
		_, _ = decodeInventory(owner, key, data)
	})
}

func TestLimiter(t *testing.T) {
	l := newLimiter(4)
	var mutex sync.Mutex
	running, most := 0, 0
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			if err := l.acquire(t.Context()); err != nil {
				t.Error(err)
				return
			}
			defer l.release()
			mutex.Lock()
			running++
			most = max(most, running)
			mutex.Unlock()
			time.Sleep(time.Millisecond)
			mutex.Lock()
			running--
			mutex.Unlock()
		})
	}
	group.Wait()
	if most > 4 || most < 2 {
		t.Errorf("%d at once, want up to 4", most)
	}
	l.observe(http.StatusTooManyRequests)
	if l.allowed != 2 {
		t.Errorf("%d allowed after a refusal, want 2", l.allowed)
	}
	for range 100 {
		l.observe(http.StatusOK)
	}
	if l.allowed != 4 {
		t.Errorf("%d allowed after quiet times, want 4", l.allowed)
	}
}

func TestLimiterForgetsWhoGaveUp(t *testing.T) {
	l := newLimiter(1)
	if err := l.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.acquire(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	l.release()
	if err := l.acquire(t.Context()); err != nil || l.running != 1 {
		t.Errorf("%v, %d running", err, l.running)
	}
}

func TestEachReportsEveryError(t *testing.T) {
	items := make([]int, 100)
	for at := range items {
		items[at] = at
	}
	problems := each(t.Context(), items, func(_ context.Context, n int) error {
		if n%10 == 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	if len(problems) != 10 || problems[1].Error() != "13" {
		t.Errorf("%v", problems)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("a newer commit")
	cancel(reason)
	if problems := each(ctx, items, func(context.Context, int) error { return nil }); len(problems) != 100 || !errors.Is(problems[0], reason) {
		t.Errorf("%d problems", len(problems))
	}
}

func TestFights(t *testing.T) {
	f, now := NewContentionTracker(), time.Unix(1_000_000, 0)
	drift := Drift{Ref: Ref{Kind: "ConfigMap", Name: "a"}}
	writes := 0
	for second := range 600 { // it is changed again every second for ten minutes
		v := f.Allow(drift, now.Add(time.Duration(second)*time.Second))
		if v.Repair {
			writes++
		}
		if second >= 2 && !v.Fight {
			t.Fatalf("second %d: no fight seen", second)
		}
		if !v.Repair && v.Wait <= 0 {
			t.Fatalf("second %d: neither repaired nor waiting", second)
		}
	}
	if writes != 20 {
		t.Errorf("%d writes in ten minutes, want 20", writes)
	}
	if v := f.Allow(Drift{Ref: Ref{Kind: "ConfigMap", Name: "b"}}, now); !v.Repair || v.Fight {
		t.Errorf("another object: %+v", v)
	}
	if v := f.Allow(drift, now.Add(time.Hour)); !v.Repair || v.Fight {
		t.Errorf("after a quiet hour: %+v", v)
	}
	if len(f.repairs) != 1 {
		t.Errorf("%d objects remembered, want 1", len(f.repairs))
	}
}

func TestOrder(t *testing.T) {
	last := group(-1)
	for _, documents := range [][]string{
		{"ServiceAccount", "Role", "NetworkPolicy"}, {"RoleBinding"}, {"ConfigMap", "Secret"}, {"PersistentVolumeClaim"}, {"Service"}, {"Widget"},
		{"Deployment", "StatefulSet", "CronJob"}, {"Ingress", "HTTPRoute"}, {"HorizontalPodAutoscaler", "PodDisruptionBudget"},
	} {
		first := groupOf(Ref{Kind: documents[0]}.groupKind(), false)
		if first <= last {
			t.Errorf("%s is not after the group before", documents[0])
		}
		for _, kind := range documents {
			if got := groupOf(Ref{Kind: kind}.groupKind(), false); got != first {
				t.Errorf("%s is in group %d, want %d", kind, got, first)
			}
		}
		last = first
	}
	if hook := groupOf(Ref{Kind: "Job"}.groupKind(), true); hook >= groupWorkload || hook <= groupService {
		t.Errorf("release Jobs are in group %d", hook)
	}
}
