package gate

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
)

// echo answers with what arrived.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Robots-Tag", "all")
	_, _ = fmt.Fprintf(w, "%s %s%s %s %s %q", r.Method, r.Host, r.URL.RequestURI(), r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"), body)
}

// A request arrives as it was sent, with what the router in front said of it.
func TestForward(t *testing.T) {
	f := newFixture(t, echo)
	f.is(entrance.Awake, nil)
	answer, body := f.do(t, f.request(t, http.MethodPost, "/a%2Fb?q=1&q=2;3", strings.NewReader("basket"), "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Proto", "https"))
	if want := `POST ` + host + `/a%2Fb?q=1&q=2;3 203.0.113.9 https "basket"`; body != want || answer.StatusCode != http.StatusOK {
		t.Errorf("%d %s, want %s", answer.StatusCode, body, want)
	}
	if tag := answer.Header.Values("X-Robots-Tag"); len(tag) != 1 || tag[0] != "noindex" {
		t.Errorf("X-Robots-Tag %q", tag)
	}
	if answer, body := f.do(t, f.request(t, http.MethodGet, "/", nil)); answer.StatusCode != http.StatusOK || !strings.Contains(body, `/   ""`) {
		t.Errorf("%d %s: something was made up", answer.StatusCode, body)
	}
}

func TestUnknownHosts(t *testing.T) {
	f := newFixture(t, echo)
	f.is(entrance.Awake, nil)
	for to, want := range map[string]int{
		host: 200, strings.ToUpper(host): 200, host + ".": 200, host + ":8443": 200, "other.example": 404, "": 404, "web-pr-7-shop.apps.example.evil.example": 404,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = to
		w := httptest.NewRecorder()
		f.Handler(port).ServeHTTP(w, r)
		if w.Code != want || w.Header().Get("X-Robots-Tag") != "noindex" {
			t.Errorf("%q: %d %v", to, w.Code, w.Header())
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = host
	w := httptest.NewRecorder()
	if f.Handler(port+1).ServeHTTP(w, r); w.Code != http.StatusBadGateway {
		t.Errorf("a port that nothing is behind: %d", w.Code)
	}
	f.Forget(name)
	if answer, _ := f.do(t, f.request(t, http.MethodGet, "/", nil)); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a preview that is over: %d", answer.StatusCode)
	}
}

// A browser gets a page at once, which says how it stands and looks again by itself.
func TestPage(t *testing.T) {
	tests := map[string]struct {
		state   entrance.State
		phase   v1alpha1.Phase
		message string
		status  int
		want    string
		again   bool
	}{
		"asleep":        {entrance.Asleep, "", "", 503, "shop pr-7 wakes up", true},
		"does not wake": {entrance.Asleep, v1alpha1.PhaseFailed, "the budget is used up", 503, "the budget is used up", false},
		"starting":      {entrance.Starting, v1alpha1.PhaseVerifying, "waiting for <web>", 503, "waiting for &lt;web&gt;", true},
		"not reached":   {entrance.Awake, v1alpha1.PhaseSucceeded, "live", 502, "is not reached", true},
		"does not run":  {entrance.Awake, v1alpha1.PhaseFailed, "web: exit code 1", 502, "web: exit code 1", false},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t, echo)
			f.back.Close() // no pods
			f.is(tt.state, func(e *entrance.Entrance) { e.Phase, e.Message = tt.phase, tt.message })
			answer, body := f.do(t, f.request(t, http.MethodGet, "/", nil, browser()...))
			if answer.StatusCode != tt.status || !strings.Contains(body, tt.want) || strings.Contains(body, "http-equiv=\"refresh\"") != tt.again {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
			for _, text := range []string{"<script", "src=", "href="} {
				if strings.Contains(body, text) {
					t.Errorf("the page has %s", text)
				}
			}
			if policy := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v", answer.Header)
			}
		})
	}
}

// What is no browser waits and is answered by the pods, with its body.
func TestHeld(t *testing.T) {
	f := newFixture(t, echo)
	f.is(entrance.Asleep, nil)
	answered := make(chan string, 1)
	r := f.request(t, http.MethodPost, "/orders", strings.NewReader("basket"))
	go func() { _, body := f.do(t, r); answered <- body }()
	until(t, "the visit is reported", func() bool { return len(f.woken()) == 1 })
	if woken := f.woken(); woken[0] != "shop-pr-7-4" {
		t.Errorf("woke %q", woken)
	}
	select {
	case body := <-answered:
		t.Fatalf("answered %q while the preview sleeps", body)
	case <-time.After(2 * probeEvery):
	}
	f.is(entrance.Starting, nil) // its pods are there
	if body := <-answered; !strings.Contains(body, `POST `+host+`/orders`) || !strings.Contains(body, `"basket"`) {
		t.Errorf("answered %q", body)
	}
}

// Held requests end with a sentence when they can't be answered.
func TestHeldInVain(t *testing.T) {
	tests := map[string]struct {
		then   func(*fixture)
		status int
		want   string
	}{
		"it is over": {func(f *fixture) { f.Forget(name) }, 404, "is over"},
		"it does not run": {func(f *fixture) {
			f.is(entrance.Awake, func(e *entrance.Entrance) { e.Phase, e.Message = v1alpha1.PhaseFailed, "web: exit code 1" })
		}, 502, "web: exit code 1"},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t, echo)
			f.back.Close()
			f.is(entrance.Asleep, nil)
			go func() {
				for len(f.woken()) == 0 {
					time.Sleep(time.Millisecond)
				}
				tt.then(f)
			}()
			if answer, body := f.do(t, f.request(t, http.MethodGet, "/", nil)); answer.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
	}
}

// A preview that doesn't wake within a minute keeps nobody any longer.
func TestHeldTooLong(t *testing.T) {
	f := newFixture(t, echo)
	f.is(entrance.Asleep, nil)
	f.heldTime = 50 * time.Millisecond
	if answer, body := f.do(t, f.request(t, http.MethodGet, "/", nil)); answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "longer") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	f.is(entrance.Asleep, func(e *entrance.Entrance) { e.Phase, e.Message = v1alpha1.PhaseFailed, "the budget is used up" })
	if answer, body := f.do(t, f.request(t, http.MethodGet, "/", nil)); answer.StatusCode != 502 || !strings.Contains(body, "the budget is used up") {
		t.Errorf("in vain: %d %s", answer.StatusCode, body)
	}
}

// Headers of an answer are bounded; its body is not.
func TestAnswersWithLargeHeaders(t *testing.T) {
	f := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Large", strings.Repeat("x", maxHeaderBytes))
	})
	f.is(entrance.Awake, nil)
	if answer, body := f.do(t, f.request(t, http.MethodGet, "/", nil)); answer.StatusCode != http.StatusBadGateway {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// Requests that are too large, and those that are too many, are turned away with the time
// to come again.
func TestHeldIsBounded(t *testing.T) {
	f := newFixture(t, echo)
	f.is(entrance.Asleep, nil)
	turnedAway := func(what string, body io.Reader, want string) {
		t.Helper()
		if answer, text := f.do(t, f.request(t, http.MethodPost, "/", body)); answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", what, answer.StatusCode, text)
		}
	}
	turnedAway("a large body", strings.NewReader(strings.Repeat("x", maxHeldBody+1)), "too large")
	turnedAway("a large body of unknown size", io.MultiReader(strings.NewReader(strings.Repeat("x", maxHeldBody+1))), "too large")
	f.held = held{requests: maxHeld}
	turnedAway("one too many", nil, "too many")
	f.held = held{bytes: maxHeldBytes}
	turnedAway("a body too many", strings.NewReader("x"), "too many")
	if f.held.bytes != maxHeldBytes || f.held.requests != 0 {
		t.Errorf("%d requests with %d bytes are left", f.held.requests, f.held.bytes)
	}
}

// A thousand requests wait at once, and each is answered.
func TestManyAreHeld(t *testing.T) {
	f := newFixture(t, echo)
	f.is(entrance.Asleep, nil)
	f.front.Client().Transport.(*http.Transport).MaxConnsPerHost = 0
	var group sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for i := range maxHeld {
		r := f.request(t, http.MethodPost, fmt.Sprint("/", i), strings.NewReader("x"))
		group.Go(func() {
			answer, body := f.do(t, r)
			mu.Lock()
			defer mu.Unlock()
			if answer.StatusCode == http.StatusOK && strings.Contains(body, fmt.Sprint("/", i, " ")) {
				good++
			}
		})
	}
	until(t, "all wait", func() bool {
		f.held.mu.Lock()
		defer f.held.mu.Unlock()
		return f.held.requests == maxHeld
	})
	f.is(entrance.Awake, nil)
	group.Wait()
	if good != maxHeld || f.held.requests != 0 || f.held.bytes != 0 {
		t.Errorf("%d were answered; %d with %d bytes are left", good, f.held.requests, f.held.bytes)
	}
	if woken := f.woken(); len(woken) != 1 {
		t.Errorf("reported %d times", len(woken))
	}
}

// Monitors and the like wake nothing, and get what there is.
func TestNobodyWakes(t *testing.T) {
	f := newFixture(t, echo)
	f.is(entrance.Asleep, nil)
	for what, r := range map[string]*http.Request{
		"a probe":        f.request(t, http.MethodGet, "/", nil, "User-Agent", "kube-probe/1.31"),
		"a monitor":      f.request(t, http.MethodGet, "/", nil, "User-Agent", "Mozilla/5.0+(compatible; UptimeRobot/2.0)", "Accept", "text/html"),
		"a link preview": f.request(t, http.MethodGet, "/", nil, "User-Agent", "Slackbot-LinkExpanding 1.0"),
		"HEAD":           f.request(t, http.MethodHead, "/", nil),
		"an icon":        f.request(t, http.MethodGet, "/favicon.ico", nil, browser()...),
	} {
		if answer, body := f.do(t, r); answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", what, answer.StatusCode, body)
		}
	}
	if answer, body := f.do(t, f.request(t, http.MethodGet, "/robots.txt", nil)); answer.StatusCode != 200 || !strings.Contains(body, "Disallow: /") {
		t.Errorf("robots.txt: %d %s", answer.StatusCode, body)
	}
	if due := f.clock.due(time.Now()); len(due) > 0 {
		t.Errorf("visits %+v", due)
	}
	f.is(entrance.Awake, nil)
	if answer, _ := f.do(t, f.request(t, http.MethodGet, "/robots.txt", nil, "User-Agent", "kube-probe/1.31")); answer.StatusCode != 200 || len(f.clock.due(time.Now())) > 0 {
		t.Errorf("awake: %d, visits %+v", answer.StatusCode, f.clock.due(time.Now()))
	}
}

// A WebSocket passes both ways, also through a preview that sleeps when it is opened, and
// is a visit for as long as it is open.
func TestWebSocket(t *testing.T) {
	f := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			http.Error(w, "no upgrade", http.StatusBadRequest)
			return
		}
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		connection, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = connection.Close() }()
		line, _ := buffer.ReadString('\n')
		_, _ = connection.Write([]byte("you said " + line))
		_, _ = buffer.ReadString('\n') // until the other side ends
	})
	f.is(entrance.Asleep, nil)
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(f.front.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_, err = fmt.Fprintf(connection, "GET /live HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", host)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "it wakes", func() bool { return len(f.woken()) > 0 })
	f.is(entrance.Awake, nil)
	reader := bufio.NewReader(connection)
	answer, err := http.ReadResponse(reader, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", answer, err)
	}
	if _, err := connection.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := reader.ReadString('\n'); err != nil || line != "you said hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	later := time.Now().Add(time.Hour)
	if due := f.clock.due(later); len(due) != 1 || !due[0].At.Equal(later) {
		t.Errorf("while it is open: %+v", due)
	}
	_ = connection.Close()
	until(t, "it is closed", func() bool {
		f.clock.mu.Lock()
		defer f.clock.mu.Unlock()
		return f.clock.previews[name].open == 0
	})
}

// What the pods send of a stream arrives when they send it.
func TestEventsPass(t *testing.T) {
	next := make(chan struct{})
	f := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	f.is(entrance.Awake, nil)
	answer, err := f.front.Client().Do(f.request(t, http.MethodGet, "/events", nil, "Accept", "text/event-stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	reader := bufio.NewReader(answer.Body)
	for n := range 3 {
		line, err := reader.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", n); err != nil || line != want {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
}
