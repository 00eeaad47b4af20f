package forge

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/forges"
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
	return NewForges(kinds, kube.NewSecrets(builder.Build(), time.Now), true, dial.Unrestricted(), time.Now)
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

// A forge with a certificate authority of its own is trusted where the repository
// names the authority, in a Secret or a ConfigMap.
func TestAuthorityOfAForge(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: name}
	}
	reader := fake.NewClientBuilder().WithObjects(
		&corev1.Secret{ObjectMeta: meta("token"), Data: map[string][]byte{"token": []byte("a")}},
		&corev1.Secret{ObjectMeta: meta("ca"), Data: map[string][]byte{"ca.crt": authority}},
		&corev1.ConfigMap{ObjectMeta: meta("ca"), Data: map[string]string{"ours": string(authority), "bad": "x"}},
	).Build()
	tests := map[string]struct {
		ca      *v1alpha1.CertificateAuthority
		code    fault.Code
		trusted bool
	}{
		"a Secret":             {&v1alpha1.CertificateAuthority{Secret: "ca"}, "", true},
		"a ConfigMap":          {&v1alpha1.CertificateAuthority{ConfigMap: "ca", Key: "ours"}, "", true},
		"none":                 {nil, "", false},
		"a key that is not":    {&v1alpha1.CertificateAuthority{ConfigMap: "ca"}, fault.NotFound, false},
		"a ConfigMap is gone":  {&v1alpha1.CertificateAuthority{ConfigMap: "other"}, fault.NotFound, false},
		"what is none":         {&v1alpha1.CertificateAuthority{ConfigMap: "ca", Key: "bad"}, fault.Invalid, false},
		"a Secret that is not": {&v1alpha1.CertificateAuthority{Secret: "other"}, fault.NotFound, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var access scm.Access
			f := NewForges(map[string]NewReporter{"gitea": func(a scm.Access) (scm.Reporter, error) {
				access = a
				return nil, nil
			}}, kube.NewSecrets(reader, time.Now), true, dial.Unrestricted(), time.Now)
			p, r := repositoryAt("gitea", server.URL, "token")
			r.CA = tt.ca
			if _, err := f.Client(t.Context(), p, r); fault.CodeOf(err) != tt.code {
				t.Fatalf("%v, want %q", err, tt.code)
			}
			if tt.code != "" {
				return
			}
			response, err := (&http.Client{Transport: access.Transport}).Get(server.URL)
			if err == nil {
				_ = response.Body.Close()
			}
			if (err == nil) != tt.trusted {
				t.Errorf("trusted: %v, want %t", err, tt.trusted)
			}
			if why := scm.Unreached("read", err); !tt.trusted && !strings.Contains(why.Error(), "is not trusted: x509: ") {
				t.Errorf("it does not say why: %v", why)
			}
		})
	}
}
