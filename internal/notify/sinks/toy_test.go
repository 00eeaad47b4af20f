package sinks_test

import (
	"context"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/notify/sinks"
	"github.com/slipway-dev/slipway/internal/report"
)

// toy is the smallest sink: it says in a chat room which release is live. A new
// sink is a folder with such a type, its import and its line in All.
type toy struct {
	notify.Silent
	say func(room, text string) error
}

func (s toy) Release(_ context.Context, to notify.Destination, r report.Release) error {
	if r.Step != report.StepLive {
		return nil
	}
	return s.say(to.Organization, to.Project+"/"+r.Stage+" "+r.Sentence)
}

// withToy is the list of sinks as it is after a new sink's line was added.
func withToy(say func(room, text string) error) notify.Sinks {
	return append(sinks.All(), toy{say: say})
}

// TestToySink adds a sink, puts it through the tests of every sink, and reports
// to all: it hears what the others hear, whether the project has a forge or not.
func TestToySink(t *testing.T) {
	room := &place{}
	conform(t, toy{say: func(string, string) error { return room.call() }}, room)

	var said []string
	all := withToy(func(room, text string) error {
		said = append(said, room+": "+text)
		return nil
	})
	forge := &place{}
	for _, to := range []notify.Destination{{Organization: "acme", Project: "shop", Forge: forge}, {Organization: "acme", Project: "blog"}} {
		for _, step := range []report.Step{report.StepDeploying, report.StepLive} {
			if err := all.Release(t.Context(), to, report.Release{Stage: "dev", Step: step, Latest: true, Sentence: string(step)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := []string{"acme: shop/dev live", "acme: blog/dev live"}; !slices.Equal(said, want) {
		t.Errorf("the toy said %v, want %v", said, want)
	}
	if forge.calls != 4 { // a status and a deployment for each step
		t.Errorf("the forge had %d calls, want 4", forge.calls)
	}
}
