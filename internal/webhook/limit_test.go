package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/webhook"
)

// frozen is a clock that stands until the test moves it.
type frozen struct {
	mu  sync.Mutex
	now time.Time
}

func newFrozen() *frozen { return &frozen{now: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)} }

func (f *frozen) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *frozen) wait(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

func numbered(i int) *delivery {
	return newPush().set("X-GitHub-Delivery", fmt.Sprintf("delivery-%d", i))
}

func TestProjectAllowance(t *testing.T) {
	clock := newFrozen()
	h := newFixture(t, func(o *webhook.Options) {
		o.Now, o.Limits.Project = clock.Now, webhook.Allowance{PerSecond: 1, Burst: 3}
	})
	for i := range 20 { // failed authentication uses nothing up
		h.send(t, signature(sign([]byte(fmt.Sprint(i)), secret)))
	}
	for i := range 3 {
		if r := h.send(t, numbered(i)); r.Status != http.StatusAccepted {
			t.Fatalf("delivery %d got %d: %s", i, r.Status, r.raw)
		}
	}
	if r := h.send(t, numbered(3)); r.Status != http.StatusTooManyRequests || r.Code != "unavailable" {
		t.Fatalf("the fourth got %d: %s", r.Status, r.raw)
	}
	clock.wait(time.Second)
	if r := h.send(t, numbered(3)); r.Status != http.StatusAccepted {
		t.Fatalf("after a second it got %d: %s", r.Status, r.raw)
	}
	if n := len(h.names()); n != 4 {
		t.Errorf("%d are kept, want 4", n)
	}
}

// An address that sends much without a valid signature is told so, and fills
// no log; its rightly signed deliveries still get in, because the address may
// be a forge's, which anyone can make send such requests.
func TestLimitedAddress(t *testing.T) {
	clock := newFrozen()
	h := newFixture(t, func(o *webhook.Options) {
		o.Now, o.Limits.Unauthenticated = clock.Now, webhook.Allowance{PerSecond: 1, Burst: 2}
	})
	wrong := func() int { return h.send(t, signature(sign([]byte("x"), secret))).Status }
	if a, b, c := wrong(), wrong(), wrong(); a != 401 || b != 401 || c != 429 {
		t.Fatalf("wrong signatures got %d, %d, %d; want 401, 401, 429", a, b, c)
	}
	lines := strings.Count(h.log.String(), "refused")
	for range 10 {
		wrong()
	}
	if n := strings.Count(h.log.String(), "refused"); n != lines || n != 2 {
		t.Errorf("%d refusals are logged, want 2", n)
	}
	if r := h.send(t, numbered(1)); r.Status != http.StatusAccepted {
		t.Errorf("a right one got %d: %s", r.Status, r.raw)
	}
	// Little is left of it when it is refused, so that the sender gets to read
	// the answer.
	large := newDelivery("star", `{"x":"`+strings.Repeat("y", 1<<20+1<<10)+`"}`)
	if r := h.send(t, large); r.Status != http.StatusTooManyRequests {
		t.Errorf("a large one got %d: %s", r.Status, r.raw)
	}
	clock.wait(5 * time.Second)
	if status := wrong(); status != 401 {
		t.Errorf("after a while a wrong one got %d", status)
	}
}

func TestAddressAllowance(t *testing.T) {
	clock := newFrozen()
	proxy := &net.IPNet{IP: net.IPv4(127, 0, 0, 0), Mask: net.CIDRMask(8, 32)}
	cases := map[string]struct {
		proxies []*net.IPNet
		forward []string // X-Forwarded-For of each request
		last    int
	}{
		"one address":               {nil, []string{"", "", ""}, 429},
		"header not trusted":        {nil, []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"}, 429},
		"behind a proxy":            {[]*net.IPNet{proxy}, []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"}, 202},
		"behind a proxy, one":       {[]*net.IPNet{proxy}, []string{"203.0.113.1", "203.0.113.1", "203.0.113.1"}, 429},
		"forged before the proxy's": {[]*net.IPNet{proxy}, []string{"1.1.1.1, 203.0.113.1", "2.2.2.2, 203.0.113.1", "3.3.3.3, 203.0.113.1"}, 429},
		"private not trusted":       {[]*net.IPNet{proxy}, []string{"1.1.1.1, 10.0.0.1", "2.2.2.2, 10.0.0.1", "3.3.3.3, 10.0.0.1"}, 429},
		"one /64":                   {[]*net.IPNet{proxy}, []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}, 429},
		"several /64":               {[]*net.IPNet{proxy}, []string{"2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1"}, 202},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t, func(o *webhook.Options) {
				o.Now, o.Limits.Address, o.Proxies = clock.Now, webhook.Allowance{PerSecond: 1, Burst: 2}, c.proxies
			})
			var last int
			for i, forward := range c.forward {
				d := numbered(i)
				if forward != "" {
					d.set("X-Forwarded-For", forward)
				}
				last = h.send(t, d).Status
			}
			if last != c.last {
				t.Errorf("the last of %d requests got %d, want %d", len(c.forward), last, c.last)
			}
		})
	}
}

// Bodies in flight are bounded together, and what is refused for it gives its
// share back.
func TestMemory(t *testing.T) {
	h := newFixture(t, func(o *webhook.Options) { o.Limits.Memory = 1 << 20 })
	// Little is left of it when it is refused, so that the sender gets to read
	// the answer.
	large := newDelivery("star", `{"x":"`+strings.Repeat("y", 1<<20+1<<10)+`"}`)
	for range 5 {
		if r := h.send(t, large); r.Status != http.StatusServiceUnavailable || r.Code != "unavailable" {
			t.Fatalf("got %d: %s", r.Status, r.raw)
		}
	}
	for i := range 40 { // 40 times what one small body holds is more than all
		if r := h.send(t, numbered(i)); r.Status != http.StatusAccepted {
			t.Fatalf("small delivery %d got %d: %s", i, r.Status, r.raw)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestHealth(t *testing.T) {
	ready := errors.New("secret detail")
	h := newFixture(t, func(o *webhook.Options) {
		o.Ready = func(context.Context) error { return ready }
	})
	if status, text := get(t, h.url+"/healthz"); status != 200 {
		t.Errorf("/healthz got %d %s", status, text)
	}
	if status, text := get(t, h.url+"/readyz"); status != 503 || strings.Contains(text, "secret detail") {
		t.Errorf("/readyz got %d %s", status, text)
	}
	ready = fault.New(fault.Unavailable, "the caches aren't filled yet")
	if status, text := get(t, h.url+"/readyz"); status != 503 || !strings.Contains(text, "caches") {
		t.Errorf("/readyz got %d %s", status, text)
	}
	ready = nil
	if status, text := get(t, h.url+"/readyz"); status != 200 {
		t.Errorf("/readyz got %d %s", status, text)
	}
	if status, _ := get(t, h.url+"/metrics"); status != 404 {
		t.Errorf("/metrics got %d without a gatherer", status)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := newFixture(t, func(o *webhook.Options) { o.Metrics, o.Gatherer = registry, registry })
	h.send(t, newPush())
	h.send(t, newPush())
	h.send(t, signature("x"))
	h.send(t, newPush().to("/hooks/acme/none"))
	h.send(t, newDelivery("star", "{}"))
	_, text := get(t, h.url+"/metrics")
	for _, line := range []string{
		`slipway_deliveries_total{result="accepted"} 1`,
		`slipway_deliveries_total{result="duplicate"} 1`,
		`slipway_deliveries_total{result="unauthenticated"} 2`,
		`slipway_deliveries_total{result="ignored"} 1`,
		`slipway_delivery_seconds_count 3`,
		`slipway_delivery_bytes_count 3`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is missing in\n%s", line, text)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := webhook.New(webhook.Options{}); fault.CodeOf(err) != fault.Internal {
		t.Errorf("New = %v, want an error of code internal", err)
	}
}
