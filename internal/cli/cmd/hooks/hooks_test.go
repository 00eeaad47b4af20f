package hooks

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest/trouble"
	"github.com/slipway-dev/slipway/internal/webhook"
)

const namespace = "slipway-org-acme"

// hookFixture is a project with a repository at a forge, one without
// credentials, and a receiver that accepts what the project's Secret holds.
type hookFixture struct {
	*webhooks
	forge *forgetest.Forge
}

func newHookFixture(t *testing.T) *hookFixture {
	t.Helper()
	forge := serveForge(t)
	scheme, err := control.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: namespace} }
	p := &v1alpha1.Project{ObjectMeta: meta("shop"), Spec: v1alpha1.ProjectSpec{
		Repositories: []v1alpha1.Repository{
			{Name: "main", Forge: "github", Path: "acme/shop", API: forge.APIURL(), Credentials: &v1alpha1.SecretKey{Name: "forge"}},
			{Name: "public", Forge: "gitlab", Path: "acme/public"},
		},
		Webhook: v1alpha1.Webhook{Secret: v1alpha1.SecretKey{Name: "webhook"}},
	}}
	credentials := &corev1.Secret{ObjectMeta: meta("forge"), Data: map[string][]byte{"token": []byte("token")}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(p, credentials).Build()
	return &hookFixture{forge: forge, webhooks: &webhooks{client: c, forges: forges.All(), random: rand.Reader, allowHTTP: true, transport: dial.Unrestricted().Transport()}}
}

func serveForge(t *testing.T) *forgetest.Forge {
	t.Helper()
	forge, err := forgetest.New(forgetest.Options{Dir: t.TempDir(), Token: "token"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(forge.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	forge.SetURL("http://" + listener.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- forge.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if err := forge.CreateRepository("acme/shop"); err != nil {
		t.Fatal(err)
	}
	return forge
}

func (w *hookFixture) data(t *testing.T) map[string][]byte {
	t.Helper()
	var secret corev1.Secret
	if err := w.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "webhook"}, &secret); err != nil {
		t.Fatal(err)
	}
	return secret.Data
}

func TestHooksSync(t *testing.T) {
	w := newHookFixture(t)
	if _, err := w.sync(t.Context(), "shop"); err == nil || !strings.Contains(err.Error(), "--url") {
		t.Errorf("without an address it gave %v", err)
	}
	w.url = "https://slipway.example/"
	for i, want := range []string{"created", "kept"} {
		rows, err := w.sync(t.Context(), "shop")
		if err != nil || len(rows) != 2 || rows[0].Did != want || rows[0].URL != "https://slipway.example/hooks/acme/shop" || rows[1].Did != "skipped" {
			t.Fatalf("try %d: %+v, %v", i, rows, err)
		}
	}
	if secret := w.data(t)["secret"]; len(secret) != 64 {
		t.Errorf("the secret that was made has %d characters", len(secret))
	}
	w.url = "" // a hook tells the address
	if rows, err := w.sync(t.Context(), "shop"); err != nil || rows[0].Did != "kept" {
		t.Errorf("without naming the address: %+v, %v", rows, err)
	}
	rows, err := w.list(t.Context(), "shop")
	if err != nil || len(rows) != 2 || !rows[0].Slipway || !rows[0].Active || len(rows[0].Events) < 5 {
		t.Errorf("list gives %+v, %v", rows, err)
	}
}

func TestHooksOfNobody(t *testing.T) {
	w := newHookFixture(t)
	if _, err := w.list(t.Context(), "shopp"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an unknown project gave %v", err)
	}
	w.namespace = "slipway-org-other"
	if _, err := w.list(t.Context(), "shop"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("another organization's project gave %v", err)
	}
}

// A forge in trouble doesn't keep the others from being set right, and is
// named.
func TestHooksOfForgeInTrouble(t *testing.T) {
	w := newHookFixture(t)
	w.url = "https://slipway.example"
	defer w.forge.Break("POST /repos/*/*/hooks", trouble.Fault{Status: http.StatusForbidden})()
	rows, err := w.sync(t.Context(), "shop")
	if err == nil || !strings.Contains(exit.MessageOf(err), "acme/shop") || !strings.Contains(exit.MessageOf(err), "permission") || len(rows) != 1 {
		t.Errorf("got %+v, %v", rows, err)
	}
}

// Through a whole rotation every delivery is accepted: those of before, those
// signed in between, and redeliveries.
func TestHooksRotate(t *testing.T) {
	w := newHookFixture(t)
	address := w.serveReceiver(t)
	w.url = address
	if _, err := w.sync(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	first := string(w.data(t)["secret"])
	w.accepted(t, "before")
	rotated := make(chan error, 1)
	go func() {
		_, err := w.rotate(t.Context(), "shop", 300*time.Millisecond)
		rotated <- err
	}()
	for i := 0; ; i++ {
		w.accepted(t, "between "+string(rune('a'+i%26)))
		select {
		case err := <-rotated:
			if err != nil {
				t.Fatal(err)
			}
		default:
			continue
		}
		break
	}
	data := w.data(t)
	if string(data["previous"]) != first || string(data["secret"]) == first {
		t.Errorf("the Secret holds %d keys, the first is previous: %t", len(data), string(data["previous"]) == first)
	}
	w.accepted(t, "after")
	for _, d := range w.forge.Deliveries() {
		if err := w.forge.Redeliver(d.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.allAccepted(t)
	if err := w.finish(t.Context(), "shop"); err != nil || len(w.data(t)) != 1 {
		t.Errorf("finished, the Secret holds %d keys: %v", len(w.data(t)), err)
	}
	w.accepted(t, "finished")
}

// A rotation that stopped before the hooks had the new secret loses nothing
// when the next one begins.
func TestHooksRotateAfterCrash(t *testing.T) {
	w := newHookFixture(t)
	w.url = w.serveReceiver(t)
	if _, err := w.sync(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := w.rotate(ctx, "shop", time.Hour); err == nil {
		t.Fatal("a rotation that was stopped says it is done")
	}
	w.accepted(t, "stopped")
	if _, err := w.rotate(t.Context(), "shop", time.Millisecond); err != nil {
		t.Fatal(err)
	}
	w.accepted(t, "again")
}

// serveReceiver starts a receiver that reads the Secret for every delivery.
func (w *hookFixture) serveReceiver(t *testing.T) string {
	t.Helper()
	receiver, err := webhook.New(webhook.Options{
		Projects: receiverProjects{w, t}, Deliveries: receiverDeliveries{}, Drivers: forges.Drivers(), Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return listenOn(t, receiver)
}

// accepted pushes, and wants every delivery so far to be answered with 2xx.
func (w *hookFixture) accepted(t *testing.T, message string) {
	t.Helper()
	if _, err := w.forge.Push("acme/shop", "main", map[string]string{"README.md": message}, message, "alice"); err != nil {
		t.Fatal(err)
	}
	w.allAccepted(t)
}

func (w *hookFixture) allAccepted(t *testing.T) {
	t.Helper()
	if err := w.forge.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range w.forge.Deliveries() {
		if d.Status/100 != 2 {
			t.Fatalf("delivery %s (%s) was answered %d %s", d.ID, d.Event, d.Status, d.Answer)
		}
	}
}
