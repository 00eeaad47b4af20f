package inventory

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

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
			e.Replicas = new(rapid.Int32Range(0, 9).Draw(t, "replicas"))
		}
		return e
	})
}

func TestInventoryKeepsItsOrderAndSurvivesStorage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := &Inventory{Owner: Owner{"acme", "shop", "dev"}, Cluster: "c", Namespace: "ns", Entries: []Entry{}}
		model := map[Key]Entry{}
		for _, e := range rapid.SliceOf(anyEntry()).Draw(t, "entries") {
			i.Put(e)
			model[e.Key()] = e
			if rapid.Bool().Draw(t, "remove") {
				i.Remove(e.Key())
				delete(model, e.Key())
			}
		}
		if !slices.IsSortedFunc(i.Entries, func(a, b Entry) int { return a.Compare(b.Ref) }) || len(i.Entries) != len(model) {
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
		back, err := decode(i.Owner, key, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(i, back, cmpopts.IgnoreUnexported(Inventory{})); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// maxObjects is how many objects a set may have.
const maxObjects = 5000

// digest returns text that compresses as badly as a digest does.
func digest(n int) string {
	sum := sha256.Sum256([]byte{byte(n), byte(n >> 8)})
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestLargeInventoryFits(t *testing.T) {
	i := &Inventory{Owner: Owner{"acme", "shop", "dev"}, Namespace: "sw-acme-shop-dev"}
	for n := range maxObjects {
		i.Entries = append(i.Entries, Entry{
			Ref: Ref{Version: "v1", Kind: "ConfigMap", Namespace: i.Namespace, Name: fmt.Sprintf("settings-of-service-%05d", n)},
			UID: fmt.Sprintf("%08x-1111-4222-8333-%012x", n*7919, n*104729), Digest: digest(n)[:22], Fields: digest(n % 256)[:16], Service: "web",
		})
	}
	i.sort()
	key, data, err := i.encode()
	if err != nil || key != compressedKey {
		t.Fatalf("%s: %v", key, err)
	}
	t.Logf("%d objects take %d KiB", len(i.Entries), len(data)>>10)
	back, err := decode(i.Owner, key, data)
	if err != nil || len(back.Entries) != maxObjects {
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
		if got, err := decode(c.owner, c.key, c.data); err == nil || fault.CodeOf(err) != fault.Internal {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	bomb, err := compress(make([]byte, readLimit+1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(owner, compressedKey, bomb); err == nil {
		t.Error("a decompression bomb was read")
	}
}

func FuzzDecodeInventory(f *testing.F) {
	owner := Owner{"acme", "shop", "dev"}
	f.Add(plainKey, []byte(`{"format":1,"organization":"acme","project":"shop","stage":"dev","objects":[{"k":"X"}]}`))
	f.Fuzz(func(_ *testing.T, key string, data []byte) {
		_, _ = decode(owner, key, data)
	})
}
