//go:build integration

package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
)

// thousand is a stage of a thousand objects; changed of them differ.
func thousand(changed int, version string) string {
	documents := make([]string, 1000)
	for at := range documents {
		value := "same"
		if at < changed {
			value = version
		}
		documents[at] = configMap(fmt.Sprintf("settings-%04d", at), value)
	}
	return manifests(documents...)
}

// floor sends one bare server-side apply per object, at the width of an apply.
func (s *stage) floor(prefix, value string, count int) time.Duration {
	s.t.Helper()
	names := make([]int, count)
	for at := range names {
		names[at] = at
	}
	client, err := metadata.NewForConfig(unlimited())
	if err != nil {
		s.t.Fatal(err)
	}
	maps := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(s.namespace)
	began := time.Now()
	problems := cluster.Each(s.t.Context(), names, func(ctx context.Context, at int) error {
		name := fmt.Sprintf("%s-%04d", prefix, at)
		body, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": map[string]string{"key": value}})
		if err != nil {
			return err
		}
		_, err = maps.Patch(ctx, name, types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "floor"})
		return err
	})
	if len(problems) > 0 {
		s.t.Fatal(problems[0])
	}
	return time.Since(began)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func report(b *testing.B, times, floors []time.Duration) {
	m, f := median(times), median(floors)
	p95 := times[len(times)*95/100]
	b.ReportMetric(float64(m.Microseconds())/1000, "median_ms")
	b.ReportMetric(float64(p95.Microseconds())/1000, "p95_ms")
	b.ReportMetric(float64(f.Microseconds())/1000, "floor_ms")
	b.ReportMetric(float64(m)/float64(max(f, 1)), "ratio")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkFirstApplyOfThousand(b *testing.B) {
	var times, floors []time.Duration
	for range b.N {
		b.StopTimer()
		s := newStage(b)
		floors = append(floors, s.floor("floor", "1", 1000))
		s.traffic.spent()
		b.StartTimer()
		began := time.Now()
		s.apply(thousand(0, "1"))
		times = append(times, time.Since(began))
		b.StopTimer()
		b.Log(s.traffic.spent())
	}
	report(b, times, floors)
}

func BenchmarkOneOfThousandChanged(b *testing.B) { benchmarkChange(b, 1) }

func BenchmarkNoneOfThousandChanged(b *testing.B) { benchmarkChange(b, 0) }

func benchmarkChange(b *testing.B, changed int) {
	for _, watched := range []bool{true, false} {
		b.Run(fmt.Sprintf("watched=%t", watched), func(b *testing.B) {
			s := newStage(b)
			if watched {
				s.watched(nil)
			}
			s.apply(thousand(changed, "0"))
			s.floor("floor", "0", 1)
			s.traffic.spent()
			var times, floors []time.Duration
			for n := range b.N {
				floors = append(floors, s.floor("floor", fmt.Sprint(n+1), 1))
				manifests := thousand(changed, fmt.Sprint(n+1))
				s.traffic.spent()
				began := time.Now()
				s.apply(manifests)
				times = append(times, time.Since(began))
			}
			b.Log(s.traffic.spent())
			report(b, times, floors)
		})
	}
}
