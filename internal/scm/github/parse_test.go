package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func TestMain(m *testing.M) {
	scmtest.RegisterUpdate()
	goleak.VerifyTestMain(m)
}

func header(event string) http.Header {
	h := http.Header{}
	h.Set("X-GitHub-Event", event)
	h.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	h.Set("X-GitHub-Hook-ID", "292430182")
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "GitHub-Hookshot/044aadd")
	return h
}

func push(m scm.Move) (string, []byte) {
	body, err := json.Marshal(map[string]any{
		"ref": m.Ref, "before": m.Before, "after": m.After, "forced": m.Forced,
		"repository": map[string]any{"full_name": scmtest.Path},
		"pusher":     map[string]any{"name": scmtest.Actor},
		"sender":     map[string]any{"login": scmtest.Actor},
		"commits":    []any{},
	})
	if err != nil {
		panic(err) // only strings and booleans
	}
	return "push", body
}

func TestConformance(t *testing.T) {
	scmtest.Conform(t, scmtest.Subject{
		Driver: github.New(), Header: header, Push: push,
		Signature: "X-Hub-Signature-256", Sign: scmtest.SignHMAC("X-Hub-Signature-256", "sha256="),
	})
}

func TestGoldens(t *testing.T) {
	if n := scmtest.Goldens(t, github.New(), header); n < 40 {
		t.Errorf("%d payloads, want at least 40", n)
	}
}

func TestRecorded(t *testing.T) {
	dir, found := scmtest.Shared(t, "payloads/github")
	if !found {
		t.Log("no recorded payloads beside the repository; the project's own were tested")
		return
	}
	if n := scmtest.Recorded(t, github.New(), header, dir); n == 0 {
		t.Errorf("%s holds no payloads", dir)
	}
}

// A push's commits are ignored, however many there are.
func TestManyCommits(t *testing.T) {
	for _, n := range []int{0, 20, 2048} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			commit := `{"id":"` + scmtest.Two + `","message":"` + strings.Repeat("word ", 100) + `","added":["a"],"removed":[],"modified":["b"]}`
			commits := strings.TrimSuffix(strings.Repeat(commit+",", n), ",")
			body := `{"ref":"refs/heads/main","before":"` + scmtest.One + `","after":"` + scmtest.Two + `",
				"repository":{"full_name":"acme/shop"},"sender":{"login":"alice"},"commits":[` + commits + `]}`
			e, err := github.New().Parse(header("push"), []byte(body))
			if err != nil || e.Kind != scm.KindPush || e.After != scmtest.Two {
				t.Fatalf("Parse = %+v, %v", e, err)
			}
		})
	}
}

// Texts that are too long are cut.
func TestBounds(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	labels := strings.TrimSuffix(strings.Repeat(`{"name":"`+long[:600]+`"},`, 200), ",")
	body := `{"action":"created","issue":{"number":7,"pull_request":{},"labels":[` + labels + `]},
		"comment":{"id":9,"body":"` + long + `"},"repository":{"full_name":"acme/shop"},"sender":{"login":"` + long + `"}}`
	e, err := github.New().Parse(header("issue_comment"), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(e.Comment.Body); n != scm.MaxComment-1 { // the last character would not fit
		t.Errorf("the comment has %d bytes, want %d", n, scm.MaxComment-1)
	}
	if n := len(e.Actor); n != 255 {
		t.Errorf("the actor has %d bytes, want 255", n)
	}
	if n := len(e.PullRequest.Labels); n != 100 {
		t.Errorf("there are %d labels, want 100", n)
	}
	if n := len(e.PullRequest.Labels[0]); n != 255 {
		t.Errorf("a label has %d bytes, want 255", n)
	}
}

func FuzzParse(f *testing.F) {
	scmtest.FuzzParse(f, github.New(), header)
}

func FuzzVerify(f *testing.F) {
	scmtest.FuzzVerify(f, github.New(), scmtest.SignHMAC("X-Hub-Signature-256", "sha256="), "X-Hub-Signature-256")
}

func BenchmarkParse(b *testing.B) {
	body, err := os.ReadFile("testdata/payloads/push.commits-20.json")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := github.New().Parse(header("push"), body); err != nil {
			b.Fatal(err)
		}
	}
}
