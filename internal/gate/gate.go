package gate

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/entrance"
)

// Options are what a Gate is made of.
type Options struct {
	Table  *Table
	Dialer *dial.Dialer
	// Agents are parts of User-Agents whose requests are no visits, in lower case.
	Agents []string
	// Report writes a visit of an entrance's name where the server reads it.
	Report func(ctx context.Context, name string, visit entrance.Visit) error
	Now    func() time.Time
	Log    *slog.Logger
}

// Gate forwards requests to previews. It is safe for concurrent use.
type Gate struct {
	Options
	dialer    *dial.Dialer
	transport http.RoundTripper
	errors    *log.Logger
	page      *page
	clock     *clock
	held      held
	heldTime  time.Duration
	woken     chan struct{}
}

// Bounds of the connections to pods.
const (
	idlePerBackend = 64
	idleInAll      = 1024
	maxHeaderBytes = 256 << 10 // of an answer
)

// New returns a gate. Run must be called for visits to be reported.
func New(o Options) (*Gate, error) {
	page, err := newPage()
	if err != nil {
		return nil, err
	}
	transport := o.Dialer.Transport()
	transport.ResponseHeaderTimeout = 0 // an application may think as long as it likes
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost, transport.MaxResponseHeaderBytes = idleInAll, idlePerBackend, maxHeaderBytes
	return &Gate{
		Options: o, dialer: o.Dialer, transport: transport, page: page, clock: newClock(), woken: make(chan struct{}, 1), heldTime: maxHeldTime,
		errors: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}, nil
}

// Handler returns what serves the requests that come in at a port.
func (g *Gate) Handler(port int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Robots-Tag", "noindex")
		p := g.Table.find(hostOf(r))
		if p == nil {
			http.Error(w, "No preview has this address: it is over, or not there yet.", http.StatusNotFound)
			return
		}
		g.serve(w, r, p, port)
	})
}

// hostOf returns the host that a request is for, in lower case and without a port.
func hostOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func (g *Gate) serve(w http.ResponseWriter, r *http.Request, p *preview, port int32) {
	seen := p.view()
	if r.URL.Path == "/robots.txt" && (seen.Wall != nil || seen.State != entrance.Awake) {
		_, _ = w.Write([]byte("User-agent: *\nDisallow: /\n"))
		return
	}
	if !g.admit(w, r, seen) {
		return
	}
	if !isVisit(r, g.Agents) {
		g.serveNobody(w, r, seen, port)
		return
	}
	end := g.clock.begin(p.name, seen.Sleep, g.Now())
	defer func() { end(g.Now()) }()
	if seen.State == entrance.Asleep {
		g.wake()
	}
	switch {
	case seen.State == entrance.Awake:
		g.forward(w, r, seen, port)
	case isBrowser(r):
		g.page.serve(w, shownOf(seen), http.StatusServiceUnavailable)
	default:
		g.serveHeld(w, r, p, port)
	}
}

// serveNobody answers what is no visit: from the pods, if there are some.
func (g *Gate) serveNobody(w http.ResponseWriter, r *http.Request, seen *view, port int32) {
	if seen.State == entrance.Awake {
		g.forward(w, r, seen, port)
		return
	}
	unavailable(w, "The preview sleeps, or starts. Requests like this one do not wake it.")
}

// serveHeld answers a request once the preview is awake.
func (g *Gate) serveHeld(w http.ResponseWriter, r *http.Request, p *preview, port int32) {
	err := g.hold(w, r, p, port)
	seen := p.view()
	switch {
	case err == nil:
		g.forward(w, r, seen, port)
	case r.Context().Err() != nil: // nobody waits any more
	case errors.Is(err, errGone):
		http.Error(w, "The preview is over.", http.StatusNotFound)
	case errors.Is(err, errFailed), errors.Is(err, errTooLong) && seen.wakesInVain():
		http.Error(w, "The preview does not run: "+seen.Message, http.StatusBadGateway)
	case errors.Is(err, errTooBig), errors.Is(err, errTooMany), errors.Is(err, errTooLong):
		unavailable(w, "The preview wakes up, and "+err.Error()+"; try again in a moment.")
	default:
		http.Error(w, "The request could not be read.", http.StatusBadRequest)
	}
}

// retryAfter is how many seconds whoever is turned away is asked to wait.
const retryAfter = "10"

func unavailable(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", retryAfter)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, http.StatusServiceUnavailable)
}

// forward passes a request on to the pods behind a port. What a router in front said of
// the request stays as it is, and the host too.
func (g *Gate) forward(w http.ResponseWriter, r *http.Request, seen *view, port int32) {
	backend := seen.Backends[port]
	if backend == "" {
		http.Error(w, "Nothing of the preview is behind this address now.", http.StatusBadGateway)
		return
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(out *httputil.ProxyRequest) {
			out.Out.URL.Scheme, out.Out.URL.Host, out.Out.Host = "http", backend, out.In.Host
			out.Out.URL.RawQuery = out.In.URL.RawQuery // also what Go does not understand
			for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, set := out.In.Header[name]; set {
					out.Out.Header[name] = values
				}
			}
		},
		Transport:    g.transport,
		ErrorLog:     g.errors,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { g.explain(w, r, seen, err) },
		ModifyResponse: func(answer *http.Response) error {
			answer.Header.Del("X-Robots-Tag") // ours is there
			return nil
		},
	}
	proxy.ServeHTTP(w, r)
}

// explain answers a request that the pods did not take.
func (g *Gate) explain(w http.ResponseWriter, r *http.Request, seen *view, err error) {
	g.Log.Debug("forward", "project", seen.Project, "stage", seen.Stage, "error", err)
	switch {
	case r.Context().Err() != nil: // nobody waits any more
	case isBrowser(r):
		g.page.serve(w, shownOf(seen), http.StatusBadGateway)
	default:
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "The pods of the preview are not reached: "+seen.Message, http.StatusBadGateway)
	}
}

// wake has the next report be made at once.
func (g *Gate) wake() {
	select {
	case g.woken <- struct{}{}:
	default:
	}
}

// lookEvery is how often it is looked whether there is something to report.
const lookEvery = 5 * time.Second

// Run reports visits until its context ends.
func (g *Gate) Run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-g.woken:
		}
		for _, due := range g.clock.due(g.Now()) {
			if err := g.Report(ctx, due.name, due.Visit); err != nil {
				g.Log.Warn("report a visit", "preview", due.name, "error", err)
				continue
			}
			g.clock.sent(due, g.Now())
		}
	}
}

// Forget drops a preview that is gone.
func (g *Gate) Forget(name string) {
	g.Table.Remove(name)
	g.clock.forget(name)
}
