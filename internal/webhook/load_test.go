package webhook_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/webhook"
)

// BenchmarkReceiver sends signed pushes of 8 KiB from 16 senders over loopback
// and reports deliveries per second and the 99th percentile of the answers.
func BenchmarkReceiver(b *testing.B) {
	kept := newDeliveries()
	receiver, err := webhook.New(webhook.Options{
		Projects: newProjects(), Deliveries: kept, Log: slog.New(slog.DiscardHandler),
		Drivers: map[string]scm.Driver{"github": github.New()},
		Limits: webhook.Limits{
			Address: webhook.Allowance{PerSecond: 1e9, Burst: 1e9}, Project: webhook.Allowance{PerSecond: 1e9, Burst: 1e9},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = webhook.NewServer("", receiver, slog.New(slog.DiscardHandler))
	server.Start()
	defer server.Close()
	const senders = 16
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	pushed := pushBody("acme/shop", "refs/heads/main", one, two)
	body := []byte(pushed[:len(pushed)-1] + `,"padding":"` + string(bytes.Repeat([]byte("x"), 8<<10)) + `"}`)
	signed := sign(body, secret)

	var (
		next  atomic.Int64
		group sync.WaitGroup
		mu    sync.Mutex
		took  []time.Duration
	)
	b.ReportAllocs()
	b.ResetTimer()
	for range senders {
		group.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				started := time.Now()
				if err := post(client, server.URL, body, signed, i); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				took = append(took, time.Since(started))
				mu.Unlock()
			}
		})
	}
	group.Wait()
	b.StopTimer()
	if len(kept.kept) != b.N {
		b.Fatalf("%d of %d deliveries are kept", len(kept.kept), b.N)
	}
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func post(client *http.Client, url string, body []byte, signed string, i int64) error {
	req, err := http.NewRequest(http.MethodPost, url+"/hooks/acme/shop", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-GitHub-Delivery", fmt.Sprintf("load-%d", i))
	req.Header.Set("X-Hub-Signature-256", signed)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("delivery %d got %s", i, resp.Status)
	}
	return nil
}
