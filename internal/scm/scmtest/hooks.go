package scmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// KeptHook is a hook as a forge keeps it, secret included.
type KeptHook struct {
	ID     int
	URL    string
	Secret string
	Active bool
	Events []string
}

// HookDialect is how a forge speaks of the hooks of Path.
type HookDialect struct {
	Create func(scm.Access) (scm.Reporter, error)
	// Base is appended to the API's address, Collection is the escaped path of
	// the hooks below the server.
	Base, Collection string
	Encode           func(KeptHook) any
	Decode           func(body map[string]any, into *KeptHook)
	// List wraps the encoded hooks.
	List func([]any) any
}

// hookForge is a forge that keeps hooks.
type hookForge struct {
	HookDialect
	t     *testing.T
	hooks scm.Hooks

	mu   sync.Mutex
	next int
	kept []*KeptHook
	fail string // a method that fails once
}

func (f *hookForge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	rest, found := strings.CutPrefix(r.URL.EscapedPath(), f.Collection)
	if f.fail == r.Method {
		f.fail = ""
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	switch {
	case found && rest == "" && r.Method == http.MethodGet:
		list := []any{}
		for _, h := range f.kept {
			list = append(list, f.Encode(*h))
		}
		_ = json.NewEncoder(w).Encode(f.List(list))
	case found && rest == "" && r.Method == http.MethodPost:
		f.next++
		h := &KeptHook{ID: f.next, Active: true}
		f.Decode(body, h)
		f.kept = append(f.kept, h)
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(f.Encode(*h))
	default:
		f.one(w, r.Method, strings.TrimPrefix(rest, "/"), body)
	}
}

func (f *hookForge) one(w http.ResponseWriter, method, id string, body map[string]any) {
	id = strings.NewReplacer("%7B", "", "%7D", "").Replace(id) // a UUID's braces
	i := slices.IndexFunc(f.kept, func(h *KeptHook) bool { return strconv.Itoa(h.ID) == id })
	switch {
	case i < 0:
		w.WriteHeader(http.StatusNotFound)
	case method == http.MethodDelete:
		f.kept = slices.Delete(f.kept, i, i+1)
		w.WriteHeader(http.StatusNoContent)
	case method == http.MethodPut || method == http.MethodPatch:
		f.Decode(body, f.kept[i])
		_ = json.NewEncoder(w).Encode(f.Encode(*f.kept[i]))
	}
}

// shows returns the hooks as "ID URL SECRET".
func (f *hookForge) shows() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for _, h := range f.kept {
		if !h.Active || len(h.Events) == 0 {
			lines = append(lines, "deaf")
		}
		lines = append(lines, fmt.Sprintf("%d %s %s", h.ID, h.URL, h.Secret))
	}
	return strings.Join(lines, "\n")
}

// Addresses of the tests.
const (
	hookURL  = "https://slipway.example/hooks/acme/shop"
	movedURL = "https://old.example/hooks/acme/shop"
	otherURL = "https://ci.example/hooks/acme/other"
)

// ConformHooks checks that hooks are made, found again, repaired, given a new
// secret and cleaned up, in a forge's own words.
func ConformHooks(t *testing.T, d HookDialect) {
	t.Run("made once", d.madeOnce)
	t.Run("repaired", d.repaired)
	t.Run("doubled", d.doubled)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run("half done at "+method, func(t *testing.T) {
			f := d.begin(t)
			f.fail = method
			if _, err := f.try("s"); fault.CodeOf(err) != fault.Unavailable {
				t.Fatalf("got %v", err)
			}
			f.sync("s", "created")
			f.wants("11 " + hookURL + " s")
		})
	}
	t.Run("no secret", func(t *testing.T) {
		f := d.begin(t)
		if _, err := f.try(""); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("got %v", err)
		}
		f.wants()
	})
}

// begin starts a forge that has hooks already.
func (d HookDialect) begin(t *testing.T, kept ...*KeptHook) *hookForge {
	t.Helper()
	f := &hookForge{HookDialect: d, t: t, kept: kept, next: 10}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	r, err := d.Create(scm.Access{API: server.URL + d.Base, Token: Token, AllowHTTP: true, Transport: dial.Unrestricted().Transport()})
	if err != nil {
		t.Fatal(err)
	}
	f.hooks = r.(scm.Hooks)
	return f
}

func (f *hookForge) try(secret string) ([]scm.HookChange, error) {
	return scm.SyncHook(f.t.Context(), f.hooks, Path, scm.Hook{URL: hookURL, Secret: secret})
}

// sync makes the hook right, and wants that to be called did.
func (f *hookForge) sync(secret, did string) []scm.HookChange {
	f.t.Helper()
	changes, err := f.try(secret)
	if err != nil {
		f.t.Fatal(err)
	}
	if changes[0].Did != did {
		f.t.Errorf("the hook was %+v, want it %s", changes[0], did)
	}
	return changes
}

func (f *hookForge) wants(want ...string) {
	f.t.Helper()
	if got := f.shows(); got != strings.Join(want, "\n") {
		f.t.Errorf("the forge has\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func (d HookDialect) madeOnce(t *testing.T) {
	f := d.begin(t, &KeptHook{ID: 1, URL: otherURL, Secret: "theirs", Active: true, Events: []string{"push"}})
	f.sync("first", "created")
	f.sync("second", "kept")
	f.wants("1 "+otherURL+" theirs", "11 "+hookURL+" second")
}

// events returns those that a hook of Slipway gets at the forge.
func (d HookDialect) events(t *testing.T) []string {
	t.Helper()
	f := d.begin(t)
	f.sync("s", "created")
	return f.kept[0].Events
}

func (d HookDialect) repaired(t *testing.T) {
	all := d.events(t)
	f := d.begin(t, &KeptHook{ID: 3, URL: hookURL, Secret: "lost", Active: true, Events: all[:1]})
	if changes := f.sync("now", "repaired"); !strings.Contains(changes[0].Why, "lacked") {
		t.Errorf("why: %s", changes[0].Why)
	}
	f.wants("3 " + hookURL + " now")
	f = d.begin(t, &KeptHook{ID: 3, URL: movedURL, Secret: "lost", Active: true, Events: all})
	if changes := f.sync("now", "repaired"); !strings.Contains(changes[0].Why, "old.example") {
		t.Errorf("why: %s", changes[0].Why)
	}
	f.wants("3 " + hookURL + " now")
}

func (d HookDialect) doubled(t *testing.T) {
	all := d.events(t)
	f := d.begin(t, &KeptHook{ID: 3, URL: movedURL, Active: true, Events: all}, &KeptHook{ID: 4, URL: hookURL, Active: true, Events: all})
	if changes := f.sync("now", "kept"); len(changes) != 2 || changes[1].Did != "removed" || changes[1].URL != movedURL {
		t.Errorf("changes %+v", changes)
	}
	f.wants("4 " + hookURL + " now")
}

// Strings returns the strings of a decoded list.
func Strings(list any) []string {
	var texts []string
	values, _ := list.([]any)
	for _, value := range values {
		texts = append(texts, fmt.Sprint(value))
	}
	return texts
}
