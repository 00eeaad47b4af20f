package forge

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
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
