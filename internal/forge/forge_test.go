package forge

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/repository"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func newTestForges(t *testing.T, secrets map[string]map[string][]byte) *Forges {
	t.Helper()
	builder := fake.NewClientBuilder()
	for name, data := range secrets {
		builder = builder.WithObjects(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: name}, Data: data})
	}
	kinds := map[string]NewReporter{}
	for name, forge := range forges.All() {
		kinds[name] = forge.Report
	}
	return NewForges(kinds, kube.NewSecrets(builder.Build(), time.Now), true, time.Now)
}

func repositoryAt(forge, api, credentials string) (*v1alpha1.Project, v1alpha1.Repository) {
	r := v1alpha1.Repository{Name: "main", Forge: forge, Path: "acme/shop", URL: "https://forge.example/acme/shop.git", API: api}
	if credentials != "" {
		r.Credentials = &v1alpha1.SecretKey{Name: credentials}
	}
	return &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "slipway-org-acme"}, Spec: v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{r}}}, r
}

func TestClientsAreKeptPerCredentials(t *testing.T) {
	f := newTestForges(t, map[string]map[string][]byte{
		"one": {"token": []byte("a")}, "same": {"token": []byte("a")}, "two": {"token": []byte("b")},
		"ssh": {"ssh-privatekey": []byte("k")}, "empty": {"x": []byte("y")},
	})
	of := func(forge, api, secret string) (*Client, error) {
		p, r := repositoryAt(forge, api, secret)
		return f.Client(t.Context(), p, r)
	}
	one, err := of("github", "", "one")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := of("github", "", "same"); err != nil || again != one {
		t.Errorf("the same token has another client: %v", err)
	}
	for name, at := range map[string][3]string{"token": {"github", "", "two"}, "API": {"github", "https://ghe.example/api/v3", "one"}, "forge": {"gitea", "", "one"}} {
		if other, err := of(at[0], at[1], at[2]); err != nil || other == one {
			t.Errorf("another %s shares the client: %v", name, err)
		}
	}
	for name, secret := range map[string]string{"no credentials": "", "only an SSH key": "ssh"} {
		if got, err := of("github", "", secret); got != nil || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := of("github", "", "empty"); fault.CodeOf(err) != fault.Denied {
		t.Errorf("a Secret with nothing gave %v", err)
	}
	if _, err := of("sourcehut", "", "one"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("an unknown forge gave %v", err)
	}
}

// A slow forge takes its own slots, and those who find them taken come back.
func TestSlots(t *testing.T) {
	f := newTestForges(t, map[string]map[string][]byte{"one": {"token": []byte("a")}})
	p, r := repositoryAt("github", "", "one")
	c, err := f.Client(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	for range parallelCalls {
		if !c.Enter() {
			t.Fatal("a free slot is refused")
		}
	}
	if c.Enter() {
		t.Error("there is no end of slots")
	}
	c.Leave()
	if !c.Enter() {
		t.Error("a slot that was given back is refused")
	}
}

// A GitHub App's installation token opens git, is asked for once while it is
// good, and again before it ends.
func TestAppOpensGit(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	token := func(text string, good time.Duration) scmtest.Answer {
		return scmtest.Made(scmtest.Object{"token": text, "expires_at": time.Now().Add(good).Format(time.RFC3339)})
	}
	const route = "POST /app/installations/77/access_tokens"
	api := scmtest.NewAPI(t).On(route, token("FIRST-"+scmtest.Token, 30*time.Second), token("SECOND-"+scmtest.Token, time.Hour))
	f := newTestForges(t, map[string]map[string][]byte{
		"app": {"app-id": []byte("9"), "installation-id": []byte("77"), "private-key": private},
		"bad": {"app-id": []byte("nine"), "installation-id": []byte("77"), "private-key": private},
	})
	sources := repository.NewSources(f.secrets, f, nil, repository.Grants{}, true)
	p, r := repositoryAt("github", api.Server.URL, "app")
	for i, want := range []string{"FIRST-", "SECOND-", "SECOND-"} {
		remote, err := sources.Remote(t.Context(), p, r)
		if err != nil {
			t.Fatal(err)
		}
		if remote.Credentials.Username != "x-access-token" || remote.Credentials.Token != want+scmtest.Token {
			t.Errorf("fetch %d has the wrong credentials", i)
		}
		if shown := fmt.Sprintf("%v %+v %#v", remote, remote, remote); strings.Contains(shown, scmtest.Token) {
			t.Errorf("a remote prints its token: %s", shown)
		}
	}
	if n := len(api.Calls()); n != 2 {
		t.Errorf("%d tokens were asked for, want 2: the first is about to end", n)
	}
	wrong := map[string]v1alpha1.Repository{}
	_, wrong["numbers"] = repositoryAt("github", api.Server.URL, "bad")
	_, wrong["no Apps"] = repositoryAt("gitlab", api.Server.URL, "app")
	for name, r := range wrong {
		if _, err := sources.Remote(t.Context(), p, r); fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
	api.On(route, scmtest.Answer{Status: 401, Body: scmtest.Object{"message": scmtest.Token}})
	fresh := newTestForges(t, map[string]map[string][]byte{"app": {"app-id": []byte("9"), "installation-id": []byte("77"), "private-key": private}})
	_, err = repository.NewSources(fresh.secrets, fresh, nil, repository.Grants{}, true).Remote(t.Context(), p, r)
	if fault.CodeOf(err) != fault.Denied || strings.Contains(err.Error(), scmtest.Token) {
		t.Errorf("a refused App gave %v", err)
	}
}
