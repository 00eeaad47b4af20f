package scmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Token is what the reporters under test are given; it may turn up nowhere.
const Token = "TOKEN-e1c9-canary"

// Call is one request that a reporter made.
type Call struct {
	Method, Path string // the path with its query
	Header       http.Header
	Body         map[string]any // of a JSON object
	Raw          string
}

// API is a forge's API for one test: it answers what is scripted, in order,
// and remembers what it was asked.
type API struct {
	Server *httptest.Server

	mu      sync.Mutex
	answers map[string][]Answer
	calls   []Call
}

// Answer is what the API says once; the last of a route is repeated.
type Answer struct {
	Status int
	Header map[string]string
	Body   any // marshalled, unless it is a string
}

// NewAPI returns an API that ends with the test.
func NewAPI(t *testing.T) *API {
	t.Helper()
	a := &API{answers: map[string][]Answer{}}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Server.Close)
	return a
}

// Access opens the API.
func (a *API) Access() scm.Access {
	return scm.Access{API: a.Server.URL, Token: Token, AllowHTTP: true, Transport: &http.Transport{DisableKeepAlives: true}}
}

// On scripts the answers to "METHOD /path" (without query); "*" is any route.
func (a *API) On(route string, answers ...Answer) *API {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[route] = answers
	return a
}

// Calls returns what was asked so far, as "METHOD /path?query" lines.
func (a *API) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var lines []string
	for _, call := range a.calls {
		lines = append(lines, call.Method+" "+call.Path)
	}
	return lines
}

// Last returns the last call of a method.
func (a *API) Last(t *testing.T, method string) Call {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := len(a.calls) - 1; i >= 0; i-- {
		if a.calls[i].Method == method {
			return a.calls[i]
		}
	}
	t.Fatalf("there was no %s", method)
	return Call{}
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	call := Call{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Raw: string(raw)}
	_ = json.Unmarshal(raw, &call.Body) // lists and nothing stay in Raw
	answer := a.next(call, r.Method+" "+r.URL.EscapedPath())
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Status)
	if text, plain := answer.Body.(string); plain {
		fmt.Fprint(w, text)
		return
	}
	_ = json.NewEncoder(w).Encode(answer.Body) // the reporter may be gone
}

func (a *API) next(call Call, route string) Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, call)
	for _, key := range []string{route, "*"} {
		if left := a.answers[key]; len(left) > 0 {
			if len(left) > 1 {
				a.answers[key] = left[1:]
			}
			return left[0]
		}
	}
	return Answer{Status: http.StatusNotFound, Body: map[string]string{"message": "no route " + strings.ReplaceAll(route, "\n", "")}}
}

// Object is a JSON object.
type Object = map[string]any

// OK answers 200 with a body.
func OK(body any) Answer { return Answer{Status: http.StatusOK, Body: body} }

// Made answers 201 with a body.
func Made(body any) Answer { return Answer{Status: http.StatusCreated, Body: body} }

// Writes returns the calls so far that aren't GETs.
func (a *API) Writes() []string {
	var lines []string
	for _, call := range a.Calls() {
		if !strings.HasPrefix(call, http.MethodGet) {
			lines = append(lines, call)
		}
	}
	return lines
}
