package webhook_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
	"github.com/slipway-dev/slipway/internal/webhook"
)

// every makes acme/shop a project with a repository at each forge, and the
// receiver one for all of them.
func every(t *testing.T) *fixture {
	h := newFixture(t, func(o *webhook.Options) { o.Drivers = forges.Drivers() })
	target := h.targets["acme/shop"]
	target.Project.Spec.Repositories = nil
	for _, forge := range []string{"github", "gitlab", "gitea", "bitbucket"} {
		target.Project.Spec.Repositories = append(target.Project.Spec.Repositories, v1alpha1.Repository{Name: "at-" + forge, Forge: forge, Path: "acme/at-" + forge})
	}
	h.targets["acme/shop"] = target
	return h
}

func from(forge string) *delivery {
	d := &delivery{method: http.MethodPost, path: "/hooks/acme/shop", header: http.Header{}}
	d.header.Set("Content-Type", "application/json")
	path := "acme/at-" + forge
	switch forge {
	case "github":
		d = newDelivery("push", pushBody(path, "refs/heads/main", one, two))
	case "gitea":
		d.body = []byte(pushBody(path, "refs/heads/main", one, two))
		for _, vendor := range []string{"Gitea", "GitHub", "Gogs", "Forgejo"} {
			d.set("X-"+vendor+"-Event", "push").set("X-"+vendor+"-Delivery", "3d9d6a9e")
		}
		scmtest.SignHMAC("X-Gitea-Signature", "")(d.header, d.body, []byte(secret))
		scmtest.SignHMAC("X-Hub-Signature-256", "sha256=")(d.header, d.body, []byte(secret))
	case "gitlab":
		d.body = []byte(`{"ref":"refs/heads/main","before":"` + one + `","after":"` + two + `","user_username":"alice","project":{"path_with_namespace":"` + path + `"}}`)
		d.set("X-Gitlab-Event", "Push Hook").set("X-Gitlab-Event-UUID", "13792a34").set("X-Gitlab-Token", secret)
	case "bitbucket":
		change := func(kind, name string) string {
			return `{"old":null,"new":{"type":"` + kind + `","name":"` + name + `","target":{"hash":"` + two + `"}}}`
		}
		d.body = []byte(`{"actor":{"account_id":"alice"},"repository":{"full_name":"` + path + `"},"push":{"changes":[` + change("branch", "main") + `,` + change("tag", "v1") + `]}}`)
		d.set("X-Event-Key", "repo:push").set("X-Request-UUID", "5f4b2f4e")
		scmtest.SignHMAC("X-Hub-Signature", "sha256=")(d.header, d.body, []byte(secret))
	}
	return d
}

func TestEveryForge(t *testing.T) {
	for forge, refs := range map[string][]string{
		"github": {"refs/heads/main"}, "gitea": {"refs/heads/main"}, "gitlab": {"refs/heads/main"},
		"bitbucket": {"refs/heads/main", "refs/tags/v1"}, // two moves in one delivery
	} {
		t.Run(forge, func(t *testing.T) {
			h := every(t)
			if r := h.send(t, from(forge)); r.Status != http.StatusAccepted {
				t.Fatalf("got %d: %s", r.Status, r.raw)
			}
			if r := h.send(t, from(forge)); r.Status != http.StatusOK || r.Result != "duplicate" {
				t.Errorf("again it got %d: %s", r.Status, r.raw)
			}
			var kept []string
			for _, d := range h.kept {
				kept = append(kept, d.Spec.Ref)
				if d.Spec.Forge != forge || d.Spec.Repository != "at-"+forge || d.Spec.Actor != "alice" || d.Spec.After != two {
					t.Errorf("kept %+v", d.Spec)
				}
			}
			slices.Sort(kept)
			if !slices.Equal(kept, refs) {
				t.Errorf("kept %v, want %v", kept, refs)
			}
		})
	}
}

// A forge's delivery can't name a repository of the same path at another one.
func TestForgeOfRepository(t *testing.T) {
	h := every(t)
	d := newDelivery("push", pushBody("acme/at-gitea", "refs/heads/main", one, two))
	if r := h.send(t, d); r.Status != http.StatusForbidden {
		t.Errorf("got %d: %s", r.Status, r.raw)
	}
	if names := h.names(); len(names) != 0 {
		t.Errorf("%v were kept", names)
	}
}

// Headers of two forges at once are nobody's.
func TestTwoForges(t *testing.T) {
	h := every(t)
	d := from("github").set("X-Gitlab-Event", "Push Hook").set("X-Gitlab-Token", secret)
	if r := h.send(t, d); r.Status != http.StatusBadRequest {
		t.Errorf("got %d: %s", r.Status, r.raw)
	}
	if names := h.names(); len(names) != 0 {
		t.Errorf("%v were kept", names)
	}
}
