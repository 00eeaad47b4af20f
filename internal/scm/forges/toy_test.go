package forges_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

// toy is the smallest driver that keeps the family's promises. A new forge is a
// folder with such a type, its import and its line in All.
type toy struct{}

func (toy) Matches(h http.Header) bool { return len(h.Values("X-Toy-Event")) > 0 }

func (toy) MaxBody() int64 { return 1 << 20 }

func (toy) Headers(event, delivery string) http.Header {
	h := http.Header{}
	h.Set("X-Toy-Event", event)
	h.Set("X-Toy-Delivery", delivery)
	return h
}

func (toy) Verify(h http.Header, body []byte, secrets [][]byte) error {
	return scm.VerifyHMAC(h, "X-Toy-Signature", "", body, secrets)
}

func (toy) Parse(h http.Header, body []byte) (scm.Event, error) {
	e, err := scm.Begin(h, "X-Toy-Event", "X-Toy-Delivery")
	if err != nil {
		return scm.Event{}, err
	}
	if e.Name != "push" {
		return scm.Ignored(e.Name, e.Delivery, "only pushes are read"), nil
	}
	var push struct{ Repository, Actor, Ref, Before, After string }
	if err := scm.Decode(body, &push); err != nil {
		return scm.Event{}, err
	}
	if push.Before == "" || push.After == "" {
		return scm.Event{}, scm.Incomplete("push", "before and after")
	}
	if e.Repository, err = scm.Repository(push.Repository); err != nil {
		return scm.Event{}, err
	}
	e.Actor = scm.Name(push.Actor)
	return scm.Move{Ref: push.Ref, Before: push.Before, After: push.After}.Apply(e)
}

// toyReporter reports nothing.
type toyReporter struct{}

func (toyReporter) SetStatus(context.Context, scm.Status) error   { return nil }
func (toyReporter) SetComment(context.Context, scm.Comment) error { return nil }

// withToy is the list of forges as it is after a new forge's line was added.
func withToy() map[string]forges.Forge {
	all := forges.All()
	all["toy"] = forges.Forge{Driver: toy{}, Report: func(access scm.Access) (scm.Reporter, error) {
		if _, err := access.Base("https://toy.example/"); err != nil {
			return nil, err
		}
		return toyReporter{}, nil
	}}
	return all
}

// TestToyForge adds a forge and puts it through the tests of every driver.
func TestToyForge(t *testing.T) {
	all := withToy()
	subject := scmtest.Subject{
		Driver:    all["toy"].Driver,
		Header:    func(event string) http.Header { return toy{}.Headers(event, "d-1") },
		Sign:      scmtest.SignHMAC("X-Toy-Signature", ""),
		Signature: "X-Toy-Signature",
		Push: func(m scm.Move) (string, []byte) {
			return "push", fmt.Appendf(nil, `{"repository":%q,"actor":%q,"ref":%q,"before":%q,"after":%q}`, scmtest.Path, scmtest.Actor, m.Ref, m.Before, m.After)
		},
	}
	for name, forge := range all {
		if name != "toy" {
			subject.Others = append(subject.Others, forge.Driver)
		}
	}
	scmtest.Conform(t, subject)
	for name, forge := range all {
		if name != "toy" && forge.Driver.Matches(toy{}.Headers("push", "d-1")) {
			t.Errorf("%s matches the toy forge's headers", name)
		}
	}
	if _, err := all["toy"].Report(scm.Access{API: "ftp://toy.example"}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a reporter for a wrong address: %v, want an error of code invalid", err)
	}
}
