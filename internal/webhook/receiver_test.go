package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret   = "the shop's present secret"
	previous = "the shop's secret before"
	one      = "1111111111111111111111111111111111111111"
	two      = "2222222222222222222222222222222222222222"
	zero     = "0000000000000000000000000000000000000000"
)

// projects is a webhook.Projects with one project, acme/shop, and what else a
// test puts in.
type projects struct {
	targets map[string]webhook.Target
	err     error
}

func newProjects() *projects {
	shop := &v1alpha1.Project{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "slipway-org-acme"},
		Spec: v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{
			{Name: "shop", Forge: "github", Path: "Acme/Shop", URL: "https://github.com/Acme/Shop.git"},
			{Name: "worker", Forge: "github", Path: "acme/worker", URL: "https://github.com/acme/worker.git"},
		}},
	}
	bare := shop.DeepCopy()
	bare.Name = "bare"
	elsewhere := shop.DeepCopy()
	elsewhere.Name = "elsewhere"
	elsewhere.Spec.Repositories = []v1alpha1.Repository{{Name: "shop", Forge: "bitbucket", Path: "acme/shop"}}
	return &projects{targets: map[string]webhook.Target{
		"acme/shop":      {Project: shop, Secrets: [][]byte{[]byte(secret), []byte(previous)}},
		"acme/bare":      {Project: bare},
		"acme/empty":     {Project: bare, Secrets: [][]byte{{}}},
		"acme/elsewhere": {Project: elsewhere, Secrets: [][]byte{[]byte(secret)}},
	}}
}

func (p *projects) Lookup(_ context.Context, organization, project string) (webhook.Target, error) {
	if p.err != nil {
		return webhook.Target{}, p.err
	}
	target, found := p.targets[organization+"/"+project]
	if !found {
		return webhook.Target{}, fault.New(fault.NotFound, "no such project")
	}
	return target, nil
}

// deliveries is a webhook.Deliveries in memory.
type deliveries struct {
	mu   sync.Mutex
	kept map[string]*v1alpha1.Delivery
	err  error
}

func newDeliveries() *deliveries { return &deliveries{kept: map[string]*v1alpha1.Delivery{}} }

func (d *deliveries) Create(_ context.Context, delivery *v1alpha1.Delivery) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return false, d.err
	}
	key := delivery.Namespace + "/" + delivery.Name
	if d.kept[key] != nil {
		return false, nil
	}
	d.kept[key] = delivery
	return true, nil
}

func (d *deliveries) names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.kept {
		names = append(names, name)
	}
	return names
}

// fixture is a receiver with what it needs, served on loopback.
type fixture struct {
	*projects
	*deliveries
	log *bytes.Buffer
	url string
}

func newFixture(t testing.TB, change func(*webhook.Options)) *fixture {
	t.Helper()
	h := &fixture{projects: newProjects(), deliveries: newDeliveries(), log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: h.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	options := webhook.Options{
		Projects: h.projects, Deliveries: h.deliveries, Log: log,
		Drivers: map[string]scm.Driver{"github": github.New()},
	}
	if change != nil {
		change(&options)
	}
	receiver, err := webhook.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = webhook.NewServer("", receiver, log)
	server.Start()
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// delivery is a request for the receiver, a right one as far as it isn't
// changed.
type delivery struct {
	method, path string
	header       http.Header
	body         []byte
}

func newDelivery(event string, body string) *delivery {
	d := &delivery{method: http.MethodPost, path: "/hooks/acme/shop", header: http.Header{}, body: []byte(body)}
	d.header.Set("Content-Type", "application/json")
	d.header.Set("X-GitHub-Event", event)
	d.header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	d.header.Set("X-Hub-Signature-256", sign(d.body, secret))
	return d
}

func pushBody(repository, ref, before, after string) string {
	body, _ := json.Marshal(map[string]any{
		"ref": ref, "before": before, "after": after,
		"repository": map[string]string{"full_name": repository}, "sender": map[string]string{"login": "alice"},
		"head_commit": map[string]string{"message": canary},
	})
	return string(body)
}

func newPush() *delivery {
	return newDelivery("push", pushBody("acme/shop", "refs/heads/main", one, two))
}

func (d *delivery) to(path string) *delivery {
	d.path = path
	return d
}

func (d *delivery) set(name string, values ...string) *delivery {
	d.header[http.CanonicalHeaderKey(name)] = values
	return d
}

// reply is what the receiver answered.
type reply struct {
	Status   int    `json:"-"`
	Result   string `json:"result"`
	Delivery string `json:"delivery"`
	Reason   string `json:"reason"`
	Error    string `json:"error"`
	Code     string `json:"code"`
	raw      string
}

func (h *fixture) send(t testing.TB, d *delivery) reply {
	t.Helper()
	return h.sendFrom(t, d, bytes.NewReader(d.body))
}

func (h *fixture) sendFrom(t testing.TB, d *delivery, body io.Reader) reply {
	t.Helper()
	req, err := http.NewRequest(d.method, h.url+d.path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = d.header
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{Status: resp.StatusCode, raw: string(raw)}
	if d.method != http.MethodHead {
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatalf("the answer %q is no JSON: %v", raw, err)
		}
	}
	return r
}

func TestDurable(t *testing.T) {
	h := newFixture(t, nil)
	r := h.send(t, newPush())
	if r.Status != http.StatusAccepted || r.Delivery == "" {
		t.Fatalf("got %+v, want 202 with a delivery", r)
	}
	got := h.kept["slipway-org-acme/"+r.Delivery]
	if got == nil {
		t.Fatalf("%q isn't kept; there are %v", r.Delivery, h.names())
	}
	want := v1alpha1.DeliverySpec{
		Project: "shop", Repository: "shop", Forge: "github", ID: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
		Event: "push", Ref: "refs/heads/main", Before: one, After: two, Actor: "alice",
	}
	if diff := cmp.Diff(want, got.Spec, cmpopts.IgnoreFields(v1alpha1.DeliverySpec{}, "Received")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Spec.Received.IsZero() {
		t.Error("the time of arrival is missing")
	}
	again := h.send(t, newPush())
	if again.Status != http.StatusOK || again.Result != "duplicate" || again.Delivery != r.Delivery {
		t.Errorf("a duplicate got %+v", again)
	}
	if n := len(h.names()); n != 1 {
		t.Errorf("%d deliveries are kept, want 1", n)
	}
}

func TestAccepted(t *testing.T) {
	pull := func(action string) string {
		side := `{"ref":"x","sha":"` + two + `","repo":{"full_name":"acme/shop"}}`
		return `{"action":"` + action + `","pull_request":{"number":7,"head":` + side + `,"base":` + side + `},"repository":{"full_name":"acme/shop"},"sender":{"login":"alice"}}`
	}
	comment := func(text string) string {
		return `{"action":"created","issue":{"number":7,"pull_request":{}},"comment":{"id":9,"body":"` + text + `"},"repository":{"full_name":"acme/shop"}}`
	}
	cases := map[string]struct {
		delivery *delivery
		want     reply
		event    string
	}{
		"push":                   {newPush(), reply{Status: 202, Result: "accepted"}, "push"},
		"with charset":           {newPush().set("Content-Type", "application/json; charset=UTF-8"), reply{Status: 202, Result: "accepted"}, "push"},
		"secret before rotation": {newPush().set("X-Hub-Signature-256", sign(newPush().body, previous)), reply{Status: 202, Result: "accepted"}, "push"},
		"sha1 beside":            {newPush().set("X-Hub-Signature", "sha1=0"), reply{Status: 202, Result: "accepted"}, "push"},
		"second repository":      {newDelivery("push", pushBody("acme/worker", "refs/heads/main", one, two)), reply{Status: 202, Result: "accepted"}, "push"},
		"other case":             {newDelivery("push", pushBody("ACME/sHOP", "refs/heads/main", one, two)), reply{Status: 202, Result: "accepted"}, "push"},
		"tag":                    {newDelivery("push", pushBody("acme/shop", "refs/tags/v1", zero, two)), reply{Status: 202, Result: "accepted"}, "tag"},
		"deletion":               {newDelivery("push", pushBody("acme/shop", "refs/heads/old", one, zero)), reply{Status: 202, Result: "accepted"}, "delete"},
		"pull request":           {newDelivery("pull_request", pull("opened")), reply{Status: 202, Result: "accepted"}, "pull_request"},
		"command":                {newDelivery("issue_comment", comment("/slipway approve")), reply{Status: 202, Result: "accepted"}, "comment"},
		"talk":                   {newDelivery("issue_comment", comment("nice /slipway")), reply{Status: 200, Result: "ignored", Reason: "has no command"}, ""},
		"locked":                 {newDelivery("pull_request", pull("locked")), reply{Status: 200, Result: "ignored", Reason: "no preview"}, ""},
		"ping":                   {newDelivery("ping", `{"zen":"x","hook_id":1}`), reply{Status: 200, Result: "ignored", Reason: "the hook works"}, ""},
		"installation":           {newDelivery("installation", `{"action":"created"}`), reply{Status: 200, Result: "ignored", Reason: "no stage depends"}, ""},
		"star":                   {newDelivery("star", `{"action":"created"}`), reply{Status: 200, Result: "ignored", Reason: "no stage depends"}, ""},
		"unknown event":          {newDelivery("sponsorship_tier_"+strings.Repeat("x", 300), `{}`), reply{Status: 200, Result: "ignored", Reason: "no stage depends"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t, nil)
			r := h.send(t, c.delivery)
			if r.Status != c.want.Status || r.Result != c.want.Result || !strings.Contains(r.Reason, c.want.Reason) {
				t.Fatalf("got %+v, want %+v", r, c.want)
			}
			var kept string
			for _, d := range h.kept {
				kept = d.Spec.Event
			}
			if kept != c.event {
				t.Errorf("kept %q, want %q", kept, c.event)
			}
			h.quiet(t)
		})
	}
}

// A comment is kept once, whichever hook reports it, with what it asks for.
func TestCommentIsKeptOnce(t *testing.T) {
	body := `{"action":"created","issue":{"number":7,"pull_request":{}},"comment":{"id":9,"body":"hello\n/slipway restart web","created_at":"2026-03-04T11:00:00Z","user":{"login":"alice","id":3}},` +
		`"repository":{"full_name":"acme/shop"},"sender":{"login":"alice","id":3}}`
	h := newFixture(t, nil)
	first := h.send(t, newDelivery("issue_comment", body))
	second := h.send(t, newDelivery("issue_comment", body).set("X-GitHub-Delivery", "another-hook"))
	if first.Status != http.StatusAccepted || second.Result != "duplicate" || second.Delivery != first.Delivery || len(h.names()) != 1 {
		t.Fatalf("got %+v, then %+v; kept %v", first, second, h.names())
	}
	written := metav1.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC)
	want := v1alpha1.DeliverySpec{
		Project: "shop", Repository: "shop", Forge: "github", ID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Event: "comment", Action: "commented",
		Actor: "alice", ActorID: "3", PullRequest: 7, Comment: "9", Command: "restart web", Written: &written,
	}
	if diff := cmp.Diff(want, h.kept["slipway-org-acme/"+first.Delivery].Spec, cmpopts.IgnoreFields(v1alpha1.DeliverySpec{}, "Received")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	third := h.send(t, newDelivery("issue_comment", strings.Replace(body, `"id":9`, `"id":10`, 1)))
	if third.Result != "accepted" || len(h.names()) != 2 {
		t.Errorf("the next comment: %+v", third)
	}
}

// Comments that are no person's own new words give no commands.
func TestCommentsThatGiveNoCommand(t *testing.T) {
	body := func(action, comment, sender string) string {
		return `{"action":"` + action + `","issue":{"number":7,"pull_request":{}},"comment":{"id":9,"body":"/slipway approve","user":` + comment + `},"repository":{"full_name":"acme/shop"},"sender":` + sender + `}`
	}
	alice, mallory := `{"login":"alice","id":3}`, `{"login":"mallory","id":4}`
	for name, body := range map[string]string{
		"edited":                body("edited", alice, alice),
		"deleted":               body("deleted", alice, alice),
		"of another person":     body("created", alice, mallory),
		"of an App":             body("created", `{"login":"ci[bot]","id":5,"type":"Bot"}`, `{"login":"ci[bot]","id":5,"type":"Bot"}`),
		"of a program":          body("created", `{"login":"ci","id":5,"type":"Bot"}`, `{"login":"ci","id":5,"type":"Bot"}`),
		"of a well-known robot": body("created", `{"login":"renovate-bot","id":5}`, `{"login":"renovate-bot","id":5}`),
		"Slipway's own":         strings.Replace(body("created", alice, alice), "/slipway", `[//]: # (slipway/stages)\n\n/slipway`, 1),
		"quoted":                strings.Replace(body("created", alice, alice), "/slipway", "> /slipway", 1),
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t, nil)
			if r := h.send(t, newDelivery("issue_comment", body)); r.Status != http.StatusOK || r.Result != "ignored" || len(h.names()) != 0 {
				t.Errorf("got %+v, kept %v", r, h.names())
			}
		})
	}
}

// canary is in every body; no log may hold it.
const canary = "CANARY-77ab"

// quiet fails when something of a body or a secret was logged.
func (h *fixture) quiet(t *testing.T) {
	t.Helper()
	for _, word := range []string{canary, "refs/", one, two, secret, previous, "approve", "full_name", "evil/", sign(newPush().body, secret)[7:]} {
		if strings.Contains(h.log.String(), word) {
			t.Errorf("the log holds %q:\n%s", word, h.log)
		}
	}
}
