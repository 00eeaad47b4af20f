package listing_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/listing"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// A list is read as decoding all of it and slimming each release would.
func TestRead(t *testing.T) {
	outcomes := []string{"good", "failed", "broken", "failed returns", "held", "superseded", "runs", "asked", "refused"}
	rapid.Check(t, func(t *rapid.T) {
		list := v1alpha1.ReleaseList{TypeMeta: metav1.TypeMeta{Kind: "ReleaseList", APIVersion: "slipway.dev/v1alpha1"}, ListMeta: metav1.ListMeta{ResourceVersion: "77", Continue: rapid.SampledFrom([]string{"", "more"}).Draw(t, "continue")}}
		var lines []string
		for range rapid.IntRange(0, 4).Draw(t, "past") {
			lines = append(lines, "push a "+rapid.SampledFrom(outcomes).Draw(t, "outcome"))
		}
		list.Items = releasetest.Past(lines...)
		for i := range list.Items {
			detail(&list.Items[i])
		}
		for range rapid.IntRange(0, 2).Draw(t, "finished") {
			number := rapid.Int64Range(0, 100).Draw(t, "number")
			list.Items = append(list.Items, *releasetest.Finished(releasetest.Stage(number), number, 3))
		}
		encoded, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		var want v1alpha1.ReleaseList
		if err := json.Unmarshal(encoded, &want); err != nil {
			t.Fatal(err)
		}
		want.TypeMeta = metav1.TypeMeta{}
		for i := range want.Items {
			want.Items[i].ManagedFields = nil
			want.Items[i] = *release.SlimRelease(&want.Items[i])
		}
		if len(want.Items) == 0 {
			want.Items = nil
		}
		got, err := listing.Read(strings.NewReader(string(encoded)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("(-whole +read):\n%s", diff)
		}
	})
}

// detail gives a release all that a slim one lacks, and what it keeps.
func detail(r *v1alpha1.Release) {
	now := metav1.Unix(1_700_000_000, 0).Rfc3339Copy()
	r.Labels, r.Annotations, r.Finalizers = map[string]string{"a": "b"}, map[string]string{"c": "d"}, []string{"test/stays"}
	r.DeletionTimestamp = &now
	r.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "slipway", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)}}
	r.Status.Timings = append(r.Status.Timings, v1alpha1.PhaseTime{Phase: r.Status.Phase})
	r.Spec.By, r.Spec.Reason = "max", "it is slow"
	r.Status.Message, r.Status.URL, r.Status.Warnings = "the message", "https://shop.example", []string{"old"}
	r.Status.Services = []v1alpha1.ReleaseService{{Name: "web", Job: "build-1"}, {Name: "api", Job: "build-2", Image: "api@sha256:1"}, {Name: "db", Image: "db@sha256:2"}}
	r.Status.Conditions = append(r.Status.Conditions, metav1.Condition{Type: "Waiting", Status: metav1.ConditionTrue, Reason: "Build", Message: "for a build", LastTransitionTime: now})
}

// Whatever cuts a list off, or isn't one, is an error: a part of it would read as if
// the rest had been deleted.
func TestReadRefuses(t *testing.T) {
	list := v1alpha1.ReleaseList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}, Items: releasetest.Past("push a good", "push b good")}
	encoded, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(encoded) {
		if _, err := listing.Read(strings.NewReader(string(encoded[:n]))); err == nil {
			t.Fatalf("the first %d of %d bytes are read as a list", n, len(encoded))
		}
	}
	for name, text := range map[string]string{
		"a list":          `[]`,
		"items of text":   `{"items": "x"}`,
		"numbers":         `{"items": [1]}`,
		"a wrong release": `{"items": [{"spec": {"sequence": "x"}}]}`,
	} {
		if list, err := listing.Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s is read as %+v", name, list)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	var list v1alpha1.ReleaseList
	for i := range int64(500) {
		list.Items = append(list.Items, *releasetest.Finished(releasetest.Stage(i), i, 3))
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("slim", func(b *testing.B) {
		b.SetBytes(int64(len(encoded)))
		for range b.N {
			if _, err := listing.Read(strings.NewReader(string(encoded))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(int64(len(encoded)))
		for range b.N {
			var whole v1alpha1.ReleaseList
			if err := json.NewDecoder(io.LimitReader(strings.NewReader(string(encoded)), 1<<30)).Decode(&whole); err != nil {
				b.Fatal(err)
			}
		}
	})
}
