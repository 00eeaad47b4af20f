package sinks_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/notify/sinks"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// place is a forge that can do everything, or whatever else a sink sends to.
type place struct {
	mu    sync.Mutex
	calls int
	err   error
}

func (p *place) call() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	return p.err
}

func (p *place) SetStatus(context.Context, scm.Status) error   { return p.call() }
func (p *place) SetComment(context.Context, scm.Comment) error { return p.call() }
func (p *place) Annotate(context.Context, scm.Findings) error  { return p.call() }
func (p *place) React(context.Context, string, int64, string, scm.Reaction) error {
	return p.call()
}
func (p *place) SetDeployment(context.Context, scm.Deployment) (string, error) {
	return "1", p.call()
}

// kinds sends one report of each kind.
func kinds() map[string]func(context.Context, notify.Sink, notify.Destination) error {
	return map[string]func(context.Context, notify.Sink, notify.Destination) error{
		"release": func(ctx context.Context, s notify.Sink, to notify.Destination) error {
			return s.Release(ctx, to, report.Release{UID: "u", Stage: "dev", Step: report.StepLive, Latest: true, Sentence: "live: 1 changed"})
		},
		"unchanged": func(ctx context.Context, s notify.Sink, to notify.Destination) error {
			return s.Unchanged(ctx, to, report.Unchanged{Stages: []string{"dev"}, Step: report.StepUnchanged, Sentence: "stage dev unchanged"})
		},
		"file check": func(ctx context.Context, s notify.Sink, to notify.Destination) error {
			return s.FileCheck(ctx, to, report.FileCheck{Title: "slipway.yaml is right"})
		},
		"pull request": func(ctx context.Context, s notify.Sink, to notify.Destination) error {
			return s.PullRequest(ctx, to, report.PullRequest{Number: 7, Text: "### Slipway"})
		},
		"reaction": func(ctx context.Context, s notify.Sink, to notify.Destination) error {
			return s.Reaction(ctx, to, report.Reaction{PullRequest: 7, Comment: "42", Reaction: scm.ReactionDone})
		},
	}
}

// conform checks what every Sink promises; p is the place that it sends to,
// beside a destination's forge.
func conform(t *testing.T, sink notify.Sink, p *place) {
	t.Helper()
	to := notify.Destination{Organization: "acme", Project: "shop", Forge: p}
	sends := 0
	for kind, send := range kinds() {
		p.err, p.calls = nil, 0
		var group sync.WaitGroup
		for range 2 { // at the same time, and again
			group.Go(func() {
				if err := send(t.Context(), sink, to); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			})
		}
		group.Wait()
		if p.calls == 0 {
			continue
		}
		sends++
		p.err = scm.Limited("call", 3*time.Second)
		err := send(t.Context(), sink, to)
		if wait, limited := scm.RetryAfter(err); !limited || wait != 3*time.Second || !notify.Retryable(t.Context(), err) {
			t.Errorf("%s to a place that limits the rate: %v, want when to try again", kind, err)
		}
		p.err = fault.New(fault.Denied, "may not")
		if err := send(t.Context(), sink, to); fault.CodeOf(err) != fault.Denied {
			t.Errorf("%s to a place that refuses: %v, want its code", kind, err)
		}
	}
	if sends == 0 {
		t.Error("it sends nothing")
	}
	p.err = nil
	for kind, send := range kinds() {
		if err := send(t.Context(), sink, notify.Destination{Organization: "acme", Project: "shop"}); err != nil {
			t.Errorf("%s without a forge: %v", kind, err)
		}
	}
}

func TestSinksConform(t *testing.T) {
	for _, sink := range sinks.All() {
		t.Run(fmt.Sprintf("%T", sink), func(t *testing.T) { conform(t, sink, &place{}) })
	}
}
