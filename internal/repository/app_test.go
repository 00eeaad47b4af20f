package repository

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
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func newTestSources(t *testing.T, secrets map[string]map[string][]byte) *Sources {
	t.Helper()
	builder := fake.NewClientBuilder()
	for name, data := range secrets {
		builder = builder.WithObjects(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: name}, Data: data})
	}
	kinds := map[string]forge.NewReporter{}
	for name, kind := range forges.All() {
		kinds[name] = kind.Report
	}
	kept := kube.NewSecrets(builder.Build(), time.Now)
	return NewSources(kept, forge.NewForges(kinds, kept, true, dial.Unrestricted(), time.Now), nil, Grants{}, true)
}

func repositoryAt(kind, api, credentials string) (*v1alpha1.Project, v1alpha1.Repository) {
	r := v1alpha1.Repository{Name: "main", Forge: kind, Path: "acme/shop", URL: "https://forge.example/acme/shop.git", API: api}
	if credentials != "" {
		r.Credentials = &v1alpha1.SecretKey{Name: credentials}
	}
	return &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "slipway-org-acme"}, Spec: v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{r}}}, r
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
	sources := newTestSources(t, map[string]map[string][]byte{
		"app": {"app-id": []byte("9"), "installation-id": []byte("77"), "private-key": private},
		"bad": {"app-id": []byte("nine"), "installation-id": []byte("77"), "private-key": private},
	})
	p, r := repositoryAt("github", api.Server.URL, "app")
	for i, want := range []string{"FIRST-", "SECOND-", "SECOND-"} {
		remote, err := sources.remote(t.Context(), p, r)
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
		if _, err := sources.remote(t.Context(), p, r); fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
	api.On(route, scmtest.Answer{Status: 401, Body: scmtest.Object{"message": scmtest.Token}})
	fresh := newTestSources(t, map[string]map[string][]byte{"app": {"app-id": []byte("9"), "installation-id": []byte("77"), "private-key": private}})
	_, err = fresh.remote(t.Context(), p, r)
	if fault.CodeOf(err) != fault.Denied || strings.Contains(err.Error(), scmtest.Token) {
		t.Errorf("a refused App gave %v", err)
	}
}
