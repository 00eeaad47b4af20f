package comment

import (
	"context"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// forge keeps the last comment.
type forge struct {
	scm.Reporter
	last scm.Comment
	err  error
}

func (f *forge) SetComment(_ context.Context, c scm.Comment) error {
	f.last = c
	return f.err
}

func TestPullRequest(t *testing.T) {
	f := &forge{}
	pull := report.PullRequest{Repository: "acme/shop", Number: 7, Text: "### Slipway"}
	if err := (Sink{}).PullRequest(t.Context(), notify.Destination{Forge: f}, pull); err != nil {
		t.Fatal(err)
	}
	// The topic is what comments of earlier servers are found by.
	if want := (scm.Comment{Repository: "acme/shop", PullRequest: 7, Topic: "stages", Body: "### Slipway"}); f.last != want {
		t.Errorf("%+v, want %+v", f.last, want)
	}
	f.err = fault.New(fault.Denied, "may not")
	err := (Sink{}).PullRequest(t.Context(), notify.Destination{Forge: f}, pull)
	if fault.CodeOf(err) != fault.Denied || !strings.Contains(err.Error(), "pull request 7 of acme/shop") {
		t.Error(err)
	}
}
