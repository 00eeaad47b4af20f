package forgetest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// hiddenSecret is what GitHub shows in place of a hook's secret.
const hiddenSecret = "********"

// hook is a webhook of a repository; guarded by Forge.mu.
type hook struct {
	id      int64
	active  bool
	events  []string
	config  hookConfig
	created time.Time
	updated time.Time
}

type hookConfig struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
	Secret      string `json:"secret"`
	InsecureSSL any    `json:"insecure_ssl"`
}

// hookInput is what creating and editing a hook sends.
type hookInput struct {
	Active       *bool       `json:"active"`
	Events       []string    `json:"events"`
	AddEvents    []string    `json:"add_events"`
	RemoveEvents []string    `json:"remove_events"`
	Config       *hookConfig `json:"config"`
}

func (h *hook) wants(event string) bool {
	return h.active && (slices.Contains(h.events, "*") || slices.Contains(h.events, event))
}

// SetHook makes the repository send every event of the given names, or all, to
// an address, signed with a secret, and sends a ping. A hook with the same
// address is changed instead.
func (f *Forge) SetHook(repo, address, secret string, events ...string) (int64, error) {
	r, err := f.repository(repo)
	if err != nil {
		return 0, fmt.Errorf("set hook: %w", err)
	}
	if len(events) == 0 {
		events = []string{"*"}
	}
	active := true
	in := hookInput{Active: &active, Events: events, Config: &hookConfig{URL: address, ContentType: "json", Secret: secret}}
	f.mu.Lock()
	i := slices.IndexFunc(r.hooks, func(h *hook) bool { return h.config.URL == address })
	if i >= 0 {
		defer f.mu.Unlock()
		return r.hooks[i].id, r.hooks[i].apply(in, f.clock())
	}
	f.mu.Unlock()
	h, err := f.addHook(r, in)
	if err != nil {
		return 0, fmt.Errorf("set hook of %s: %w", repo, err)
	}
	return h.id, f.ping(r, h)
}

func (f *Forge) addHook(r *repository, in hookInput) (*hook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &hook{active: true, events: []string{"push"}, config: hookConfig{ContentType: "form", InsecureSSL: "0"}, created: f.clock()}
	if err := h.apply(in, f.clock()); err != nil {
		return nil, err
	}
	for _, other := range r.hooks {
		if other.config.URL == h.config.URL && slices.Equal(other.events, h.events) {
			return nil, unprocessable("Hook already exists on this repository")
		}
	}
	h.id = f.id()
	r.hooks = append(r.hooks, h)
	return h, nil
}

// apply takes what is set in the input; Forge.mu is held.
func (h *hook) apply(in hookInput, now time.Time) error {
	if in.Config != nil {
		u, err := url.Parse(in.Config.URL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return unprocessable("url is not a valid address")
		}
		h.config = *in.Config
		if h.config.ContentType == "" {
			h.config.ContentType = "form"
		}
		if h.config.InsecureSSL == nil {
			h.config.InsecureSSL = "0"
		}
	}
	if h.config.URL == "" {
		return unprocessable("config must contain the url parameter")
	}
	if in.Active != nil {
		h.active = *in.Active
	}
	if in.Events != nil {
		h.events = slices.Clone(in.Events)
	}
	h.events = append(h.events, in.AddEvents...)
	h.events = slices.DeleteFunc(h.events, func(e string) bool { return slices.Contains(in.RemoveEvents, e) })
	h.updated = now
	return nil
}

func (f *Forge) hookShape(r *repository, h hook) map[string]any {
	url := fmt.Sprintf("%srepos/%s/hooks/%d", f.APIURL(), r.fullName(), h.id)
	config := map[string]any{"content_type": h.config.ContentType, "insecure_ssl": h.config.InsecureSSL, "url": h.config.URL}
	if h.config.Secret != "" {
		config["secret"] = hiddenSecret
	}
	events := []any{}
	for _, e := range h.events {
		events = append(events, e)
	}
	return map[string]any{
		"type": "Repository", "id": h.id, "name": "web", "active": h.active, "events": events, "config": config,
		"updated_at": stamp(h.updated), "created_at": stamp(h.created), "url": url, "test_url": url + "/test",
		"ping_url": url + "/pings", "deliveries_url": url + "/deliveries",
		"last_response": map[string]any{"code": nil, "status": "unused", "message": nil},
	}
}

// ping sends the event that GitHub sends when a hook was made.
func (f *Forge) ping(r *repository, h *hook) error {
	f.mu.Lock()
	one := *h
	f.mu.Unlock()
	payload := map[string]any{
		"zen": "Keep it logically awesome.", "hook_id": one.id, "hook": f.hookShape(r, one),
		"repository": f.repositoryShape(r), "sender": f.userShape(r.owner),
	}
	return f.postTo(r, h, "ping", payload)
}

func listHooks(f *Forge, repo *repository, _ *http.Request) (int, any, error) {
	f.mu.Lock()
	var hooks []hook
	for _, h := range repo.hooks {
		hooks = append(hooks, *h)
	}
	f.mu.Unlock()
	out := []any{}
	for _, h := range hooks {
		out = append(out, f.hookShape(repo, h))
	}
	return http.StatusOK, out, nil
}

func createHook(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	var in hookInput
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	h, err := f.addHook(repo, in)
	if err != nil {
		return 0, nil, err
	}
	if err := f.ping(repo, h); err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	one := *h
	f.mu.Unlock()
	return http.StatusCreated, f.hookShape(repo, one), nil
}

func hookID(h *hook) int64 { return h.id }

func getHook(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	return changeHook(f, repo, r, func(*hook) error { return nil })
}

func updateHook(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	var in hookInput
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	return changeHook(f, repo, r, func(h *hook) error { return h.apply(in, f.clock()) })
}

func changeHook(f *Forge, repo *repository, r *http.Request, change func(*hook) error) (int, any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	h, err := find(repo.hooks, id, hookID)
	if err == nil {
		err = change(h)
	}
	if err != nil {
		f.mu.Unlock()
		return 0, nil, err
	}
	one := *h
	f.mu.Unlock()
	return http.StatusOK, f.hookShape(repo, one), nil
}

func deleteHook(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := find(repo.hooks, id, hookID); err != nil {
		return 0, nil, err
	}
	repo.hooks = slices.DeleteFunc(repo.hooks, func(h *hook) bool { return h.id == id })
	return http.StatusNoContent, nil, nil
}

func pingHook(f *Forge, repo *repository, r *http.Request) (int, any, error) {
	id, err := pathID(r, "id")
	if err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	h, err := find(repo.hooks, id, hookID)
	f.mu.Unlock()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, f.ping(repo, h)
}
