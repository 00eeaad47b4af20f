//go:build integration

package controller_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

// knock is a signed push of one forge, in its real shape.
type knock struct {
	payload string // below internal/scm
	header  map[string]string
	sign    func(h http.Header, body, secret []byte)
}

func knocks() map[string]knock {
	token := func(h http.Header, _, secret []byte) { h.Set("X-Gitlab-Token", string(secret)) }
	return map[string]knock{
		"github": {
			"github/testdata/payloads/push.branch.json",
			map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-github"}, scmtest.SignHMAC("X-Hub-Signature-256", "sha256="),
		},
		"gitlab": {
			"gitlab/testdata/payloads/Push_Hook.branch.json",
			map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-Uuid": "d-gitlab"}, token,
		},
		"gitea": {
			"gitea/testdata/payloads/push.branch.json",
			map[string]string{"X-Gitea-Event": "push", "X-GitHub-Event": "push", "X-Gitea-Delivery": "d-gitea"}, scmtest.SignHMAC("X-Gitea-Signature", ""),
		},
		"bitbucket": {
			"bitbucket/testdata/payloads/repo=push.branch.json",
			map[string]string{"X-Event-Key": "repo:push", "X-Request-Uuid": "d-bitbucket"}, scmtest.SignHMAC("X-Hub-Signature", "sha256="),
		},
	}
}

func (k knock) read(t *testing.T, forge string) (http.Header, []byte, scm.Event) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "scm", filepath.FromSlash(k.payload)))
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	for name, value := range k.header {
		header.Set(name, value)
	}
	event, err := forges.Drivers()[forge].Parse(header, body)
	if err != nil {
		t.Fatal(err)
	}
	return header, body, event
}

// A signed push of every forge at the server's own receiver becomes a Delivery.
func TestEveryForgeAtTheDoor(t *testing.T) {
	p := join(t, "doors", siteFiles(devStage, "hello"), func(project *v1alpha1.Project) {
		for forge, k := range knocks() {
			_, _, event := k.read(t, forge)
			project.Spec.Repositories = append(project.Spec.Repositories, v1alpha1.Repository{
				Name: "at-" + forge, Forge: forge, Path: event.Repository, URL: project.Spec.Repositories[0].URL,
			})
		}
	})
	for forge, k := range knocks() { // whatever the sync makes of the further repositories
		header, body, event := k.read(t, forge)
		if got := p.knock(header, body); got != http.StatusUnauthorized {
			t.Errorf("%s: unsigned it was answered %d", forge, got)
		}
		k.sign(header, body, []byte(servertest.WebhookSecret))
		if got := p.knock(header, body); got != http.StatusAccepted {
			t.Errorf("%s: signed it was answered %d", forge, got)
		}
		if err := p.reports(forge, event); err != nil {
			t.Error(err)
		}
	}
}

func (p *team) knock(header http.Header, body []byte) int {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, env.Hook(p.Organization, p.Name), bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header = header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err := io.ReadAll(response.Body); err != nil || response.StatusCode >= 500 {
		p.t.Errorf("answered %s, %v", answer, err)
	}
	return response.StatusCode
}

// reports wants one delivery that says what the event does.
func (p *team) reports(forge string, event scm.Event) error {
	var kept []v1alpha1.DeliverySpec
	for _, d := range p.deliveries() {
		if d.Spec.Forge == forge && d.Spec.Repository == "at-"+forge {
			kept = append(kept, d.Spec)
		}
	}
	if len(kept) != 1 || kept[0].Ref != event.Ref || kept[0].After != event.After || kept[0].Actor != event.Actor || event.Actor == "" {
		return fmt.Errorf("%s: kept %+v, want one like %+v", forge, kept, event)
	}
	return nil
}
