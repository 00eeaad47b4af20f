package forgetest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Delivery is one webhook delivery, before or after it was sent.
type Delivery struct {
	ID         string // X-GitHub-Delivery
	Event      string // X-GitHub-Event
	Action     string // of the payload; may be empty
	Repository string
	HookID     int64
	URL        string
	Body       []byte
	Status     int    // the receiver's answer; 0: none
	Answer     []byte // the beginning of the receiver's answer
	Err        string // why there was no answer
	At         time.Time

	secret      []byte
	contentType string
}

// mail sends deliveries one after the other, in the order of events.
type mail struct {
	forge  *Forge
	ctx    context.Context // ends with close; nobody else could hand it to the sender
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	queue   []Delivery
	sending bool
	sent    []Delivery
	idle    chan struct{} // closed when nothing waits; replaced when something does
	wake    chan struct{}
	filter  func(Delivery) []Delivery
}

func newMail(f *Forge) *mail {
	m := &mail{forge: f, done: make(chan struct{}), idle: make(chan struct{}), wake: make(chan struct{}, 1)}
	close(m.idle)
	m.ctx, m.cancel = context.WithCancel(context.Background())
	go m.run()
	return m
}

func (m *mail) close() {
	m.cancel()
	<-m.done
}

// Intercept decides what is sent in place of each delivery: nothing (lost),
// the same twice (repeated), or what was kept back earlier (reordered). It is
// called while the forge is changing; it must not call back. Nil sends all.
func (f *Forge) Intercept(filter func(Delivery) []Delivery) {
	f.mail.mu.Lock()
	defer f.mail.mu.Unlock()
	f.mail.filter = filter
}

// Deliveries returns what was sent so far, in order, with the answers.
func (f *Forge) Deliveries() []Delivery {
	f.mail.mu.Lock()
	defer f.mail.mu.Unlock()
	return append([]Delivery(nil), f.mail.sent...)
}

// Flush waits until every delivery so far was sent.
func (f *Forge) Flush(ctx context.Context) error {
	f.mail.mu.Lock()
	idle := f.mail.idle
	f.mail.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for webhooks: %w", ctx.Err())
	}
}

// Redeliver sends a delivery once more, under the same id, as the button on
// GitHub's page does.
func (f *Forge) Redeliver(id string) error {
	f.mail.mu.Lock()
	defer f.mail.mu.Unlock()
	for _, d := range f.mail.sent {
		if d.ID == id {
			f.mail.push(d)
			return nil
		}
	}
	return fmt.Errorf("redeliver: no delivery %q", id)
}

// Send sends one delivery now, past the queue, and returns it with the answer.
func (f *Forge) Send(ctx context.Context, d Delivery) Delivery {
	d = f.mail.deliver(ctx, d)
	f.mail.mu.Lock()
	defer f.mail.mu.Unlock()
	f.mail.sent = append(f.mail.sent, d)
	return d
}

// post queues an event for every active hook that wants it.
func (f *Forge) post(r *repository, event, action string, payload map[string]any) error {
	f.mu.Lock()
	var hooks []*hook
	for _, h := range r.hooks {
		if h.wants(event) {
			hooks = append(hooks, h)
		}
	}
	f.mu.Unlock()
	return f.queue(r, hooks, event, action, payload)
}

// postTo queues an event for one hook, whether it wants it or not.
func (f *Forge) postTo(r *repository, h *hook, event string, payload map[string]any) error {
	return f.queue(r, []*hook{h}, event, "", payload)
}

func (f *Forge) queue(r *repository, hooks []*hook, event, action string, payload map[string]any) error {
	body, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("encode %s event: %w", event, err)
	}
	f.mu.Lock()
	var out []Delivery
	for _, h := range hooks {
		out = append(out, f.newDelivery(r, h, event, action, body))
	}
	f.mu.Unlock()
	f.mail.mu.Lock()
	defer f.mail.mu.Unlock()
	for _, d := range out {
		if f.mail.filter == nil {
			f.mail.push(d)
			continue
		}
		for _, instead := range f.mail.filter(d) {
			f.mail.push(instead)
		}
	}
	return nil
}

// newDelivery addresses an event to a hook; f.mu is held.
func (f *Forge) newDelivery(r *repository, h *hook, event, action string, body []byte) Delivery {
	return Delivery{
		ID: newUUID(), Event: event, Action: action, Repository: r.fullName(), HookID: h.id, URL: h.config.URL,
		Body: body, At: f.clock(), secret: []byte(h.config.Secret), contentType: h.config.ContentType,
	}
}

// push queues one delivery; m.mu is held.
func (m *mail) push(d Delivery) {
	if len(m.queue) == 0 && !m.sending {
		m.idle = make(chan struct{})
	}
	m.queue = append(m.queue, d)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// run sends until the forge closes.
func (m *mail) run() {
	defer close(m.done)
	for {
		d, ok := m.next()
		if !ok {
			select {
			case <-m.wake:
				continue
			case <-m.ctx.Done():
				return
			}
		}
		if m.ctx.Err() != nil {
			return
		}
		d = m.deliver(m.ctx, d)
		m.finish(d)
	}
}

func (m *mail) next() (Delivery, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		return Delivery{}, false
	}
	d := m.queue[0]
	m.queue = m.queue[1:]
	m.sending = true
	return d, true
}

func (m *mail) finish(d Delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, d)
	m.sending = false
	if len(m.queue) == 0 {
		close(m.idle)
	}
}

// deliver sends one signed request and notes the answer.
func (m *mail) deliver(ctx context.Context, d Delivery) Delivery {
	d.Status, d.Answer, d.Err = 0, nil, ""
	body, kind := d.Body, "application/json"
	if d.contentType == "form" {
		kind, body = "application/x-www-form-urlencoded", []byte("payload="+url.QueryEscape(string(d.Body)))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(body))
	if err != nil {
		d.Err = err.Error()
		return d
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "GitHub-Hookshot/forgetest")
	req.Header.Set("X-GitHub-Event", d.Event)
	req.Header.Set("X-GitHub-Delivery", d.ID)
	req.Header.Set("X-GitHub-Hook-ID", strconv.FormatInt(d.HookID, 10))
	req.Header.Set("X-GitHub-Hook-Installation-Target-Type", "repository")
	if len(d.secret) > 0 {
		req.Header.Set("X-Hub-Signature-256", Sign(body, d.secret))
	}
	resp, err := m.forge.client.Do(req)
	if err != nil {
		d.Err = err.Error()
		return d
	}
	defer func() { _ = resp.Body.Close() }()
	d.Status = resp.StatusCode
	d.Answer, err = io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil && !errors.Is(err, context.Canceled) {
		d.Err = err.Error()
	}
	return d
}

// Sign returns the X-Hub-Signature-256 header of a body.
func Sign(body, secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// newUUID returns a random id of the shape of GitHub's delivery ids.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
