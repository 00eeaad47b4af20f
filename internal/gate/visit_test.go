package gate

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestIsVisit(t *testing.T) {
	tests := map[string]struct {
		method, path, agent, header string
		visit, browser              bool
	}{
		"a browser":             {"GET", "/", "Mozilla/5.0 (X11) Firefox/128.0", "Accept: text/html,*/*", true, true},
		"a script of a page":    {"GET", "/app.js", "Mozilla/5.0", "Accept: */*", true, false},
		"a call of a page":      {"GET", "/api", "Mozilla/5.0", "Sec-Fetch-Mode: cors", true, false},
		"a form":                {"POST", "/", "Mozilla/5.0", "Accept: text/html", true, false},
		"curl":                  {"GET", "/", "curl/8.5.0", "Accept: */*", true, false},
		"no agent":              {"GET", "/", "", "", true, false},
		"what begins alike":     {"GET", "/robots.txt.html", "curl/8.5.0", "", true, false},
		"HEAD":                  {"HEAD", "/", "Mozilla/5.0", "", false, false},
		"robots":                {"GET", "/robots.txt", "Mozilla/5.0", "", false, false},
		"an icon":               {"GET", "/favicon.ico", "Mozilla/5.0", "", false, false},
		"a prefetch":            {"GET", "/", "Mozilla/5.0", "Sec-Purpose: prefetch;prerender", false, false},
		"an older prefetch":     {"GET", "/", "Mozilla/5.0", "Purpose: prefetch", false, false},
		"a probe":               {"GET", "/healthz", "kube-probe/1.31", "", false, false},
		"Google's checks":       {"GET", "/", "GoogleHC/1.0", "", false, false},
		"Prometheus":            {"GET", "/metrics", "Prometheus/2.53.0", "", false, false},
		"a monitor":             {"GET", "/", "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "", false, false},
		"a link in a chat":      {"GET", "/", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "", false, false},
		"a link at GitHub":      {"GET", "/logo.png", "github-camo (0a1b2c)", "", false, false},
		"a crawler":             {"GET", "/", "Mozilla/5.0 (compatible; Googlebot/2.1)", "", false, false},
		"one that is named":     {"GET", "/", "acme-monitor 3", "", false, false},
		"a WebSocket":           {"GET", "/live", "Mozilla/5.0", "Upgrade: websocket", true, false},
		"a page in two lists":   {"GET", "/", "Mozilla/5.0", "Accept: application/json, TEXT/HTML", true, true},
		"a page that is framed": {"GET", "/", "Mozilla/5.0", "Sec-Fetch-Mode: navigate", true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("User-Agent", tt.agent)
			if key, value, found := cutHeader(tt.header); found {
				r.Header.Set(key, value)
			}
			if got := isVisit(r, append(Agents(), "acme-monitor", "")); got != tt.visit {
				t.Errorf("a visit: %v", got)
			}
			if got := isBrowser(r) && tt.visit; got != tt.browser {
				t.Errorf("a browser: %v", got)
			}
		})
	}
}

func cutHeader(text string) (key, value string, found bool) {
	for i := range text {
		if text[i] == ':' {
			return http.CanonicalHeaderKey(text[:i]), text[i+2:], true
		}
	}
	return "", "", false
}

// Whatever comes and goes, visits are reported at most once a minute but for the first
// upon each sleep, none is lost, and what is open is a visit now.
func TestClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		now := time.Unix(1_000_000, 0)
		var ends []func(time.Time)
		var sent []report
		var times []time.Time
		last, sleep := time.Time{}, ""
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			switch rapid.SampledFrom([]string{"begin", "end", "sleep", "look"}).Draw(t, "step") {
			case "begin":
				ends = append(ends, c.begin("a", sleep, now))
				last = now
			case "end":
				if len(ends) > 0 {
					ends[0](now)
					ends, last = ends[1:], now
				}
			case "sleep":
				sleep = rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "which")
			}
			for _, r := range c.due(now) {
				wakes := len(sent) == 0 || r.Wakes != sent[len(sent)-1].Wakes
				if len(times) > 0 && now.Sub(times[len(times)-1]) < reportEvery && !wakes {
					t.Fatalf("reported after %s", now.Sub(times[len(times)-1]))
				}
				if r.At.After(now) {
					t.Fatalf("a visit in the future: %s at %s", r.At, now)
				}
				sent, times = append(sent, r), append(times, now)
				c.sent(r, now)
			}
		}
		if len(ends) > 0 {
			last = now.Add(reportEvery)
		}
		sent = append(sent, c.due(now.Add(reportEvery))...)
		if !last.IsZero() && (len(sent) == 0 || sent[len(sent)-1].At.Before(last)) {
			t.Fatalf("the visit at %s was not reported: %+v", last, sent)
		}
	})
}

// A visit after a sleep says nothing of that: another gate may have seen the next one.
func TestClockForgetsSleeps(t *testing.T) {
	c, now := newClock(), time.Unix(1_000_000, 0)
	for _, sleep := range []string{"r1", "", "r1"} {
		c.begin("a", sleep, now)(now)
		due := c.due(now)
		if len(due) != 1 || due[0].Wakes != sleep {
			t.Errorf("upon %q: %+v", sleep, due)
		}
		for _, r := range due {
			c.sent(r, now)
			if _, says := r.Patch()["metadata"]; says != (sleep != "") {
				t.Errorf("upon %q the Lease gets %v", sleep, r.Patch())
			}
		}
		now = now.Add(reportEvery)
	}
}
