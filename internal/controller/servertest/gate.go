package servertest

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/kubetest"
)

// maxPeek bounds what a gate's watchers see of a body.
const maxPeek = 4 << 20

// Passing is one request on its way to the API server.
type Passing struct {
	Verb string // as in Call
	Path string
	Body string // of requests that write
	// Code is the API server's answer, 0 on the way there.
	Code int
}

// passingKey is where a gate keeps a request's beginning until its answer.
type passingKey struct{}

// errStopped ends a request whose answer must not arrive.
var errStopped = errors.New("stopped at the gate")

// Gate is a way to the API server that sees every request twice: before the
// API server does, and after, before the sender has the answer. It is safe for
// concurrent use.
type Gate struct {
	URL     string
	CA      []byte   // of its certificate, PEM
	Traffic *Traffic // what passed

	mu    sync.Mutex
	watch func(Passing) bool

	server *httptest.Server
}

// NewGate opens a gate to a control plane. Senders keep their own credentials.
func NewGate(plane *kubetest.ControlPlane) (*Gate, error) {
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(plane.Config))
	if err != nil {
		return nil, fmt.Errorf("open a gate: %w", err)
	}
	target, err := url.Parse(plane.Config.Host)
	if err != nil {
		return nil, fmt.Errorf("open a gate to %s: %w", plane.Config.Host, err)
	}
	g := &Gate{Traffic: &Traffic{}}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     g.Traffic.wrap(transport),
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:      quiet(),
	}
	proxy.ModifyResponse = func(r *http.Response) error {
		passing, _ := r.Request.Context().Value(passingKey{}).(Passing)
		passing.Code = r.StatusCode
		if !g.pass(passing) {
			return errStopped
		}
		return nil
	}
	g.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passing, err := peek(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if !g.pass(passing) {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), passingKey{}, passing)))
	}))
	g.server.Config.ErrorLog = quiet()
	g.URL = g.server.URL
	g.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw})
	return g, nil
}

// Watch calls a function for everything that passes, which waits meanwhile and
// goes no further when it returns false. Nil ends that.
func (g *Gate) Watch(watch func(Passing) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watch = watch
}

// Close ends the gate and every connection through it.
func (g *Gate) Close() {
	g.server.CloseClientConnections()
	g.server.Close()
}

func (g *Gate) pass(p Passing) bool {
	g.mu.Lock()
	watch := g.watch
	g.mu.Unlock()
	return watch == nil || watch(p)
}

// peek reads the body of a request that writes, and puts it back.
func peek(r *http.Request) (Passing, error) {
	p := Passing{Verb: verb(r), Path: r.URL.Path}
	if r.Body == nil || p.Verb == http.MethodGet || p.Verb == "WATCH" {
		return p, nil
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxPeek))
	if err != nil {
		return p, fmt.Errorf("read a request: %w", err)
	}
	p.Body = string(data)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(data), r.Body))
	return p, nil
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
