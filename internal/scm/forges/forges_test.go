package forges_test

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/forges"
)

// The names are those that a Project may hold.
func TestNames(t *testing.T) {
	source, err := os.ReadFile("../../api/v1alpha1/project.go")
	if err != nil {
		t.Fatal(err)
	}
	_, enum, found := strings.Cut(string(source), "// Forge is the kind of the forge.\n\t// +kubebuilder:validation:Enum=")
	if !found {
		t.Fatal("the enumeration of forges isn't where it was")
	}
	enum, _, _ = strings.Cut(enum, "\n")
	all := forges.All()
	for name := range strings.SplitSeq(enum, ";") {
		if _, listed := all[name]; !listed {
			t.Errorf("a Project may name %s, which isn't listed", name)
		}
		delete(all, name)
	}
	for name := range all {
		t.Errorf("%s is listed, but no Project may name it", name)
	}
}

// Each real delivery matches one driver, also where a forge sends
// another's headers beside its own.
func TestMatches(t *testing.T) {
	headers := map[string][]string{
		"github":    {"X-GitHub-Event", "X-Hub-Signature-256"},
		"gitlab":    {"X-Gitlab-Event", "X-Gitlab-Token"},
		"gitea":     {"X-Gitea-Event", "X-GitHub-Event", "X-Gogs-Event", "X-Forgejo-Event", "X-Hub-Signature-256"},
		"bitbucket": {"X-Event-Key", "X-Hub-Signature"},
		"":          {"X-Hub-Signature-256", "X-Gogs-Event"},
	}
	for want, names := range headers {
		h := http.Header{}
		for _, name := range names {
			h.Set(name, "push")
		}
		var matched []string
		for name, driver := range forges.Drivers() {
			if driver.Matches(h) {
				matched = append(matched, name)
			}
		}
		if got := strings.Join(matched, ", "); got != want {
			t.Errorf("a delivery of %q matches %q", want, got)
		}
	}
}

// Every Reporter also keeps hooks, and the constructors return no typed nil.
func TestReporters(t *testing.T) {
	for name, forge := range forges.All() {
		reporter, err := forge.Report(scm.Access{Token: "x"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, keeps := reporter.(scm.Hooks); !keeps {
			t.Errorf("%s keeps no hooks", name)
		}
		if reporter, err := forge.Report(scm.Access{API: "ftp://x"}); err == nil || reporter != nil {
			t.Errorf("%s: a wrong address gave %v, %v", name, reporter, err)
		}
	}
}
