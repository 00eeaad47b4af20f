package notify_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
)

// voice is a sink that notes that it was reached, and fails.
type voice struct {
	name string
	err  error
	said *[]string
}

func (v voice) say(kind string) error {
	*v.said = append(*v.said, v.name+" "+kind)
	return v.err
}

func (v voice) Release(context.Context, notify.Destination, report.Release) error {
	return v.say("release")
}

func (v voice) Unchanged(context.Context, notify.Destination, report.Unchanged) error {
	return v.say("unchanged")
}

func (v voice) FileCheck(context.Context, notify.Destination, report.FileCheck) error {
	return v.say("file check")
}

func (v voice) PullRequest(context.Context, notify.Destination, report.PullRequest) error {
	return v.say("pull request")
}

func (v voice) Reaction(context.Context, notify.Destination, report.Reaction) error {
	return v.say("reaction")
}

func TestSinksSendInOrder(t *testing.T) {
	away := fault.New(fault.Unavailable, "is away")
	denied := fault.New(fault.Denied, "may not")
	invalid := fault.New(fault.Invalid, "does not know it")
	tests := map[string]struct {
		errs  [3]error
		ended bool
		said  []string
		want  []error
	}{
		"all get it":                      {said: []string{"a release", "b release", "c release"}},
		"one that refuses keeps no other": {errs: [3]error{denied, nil, invalid}, said: []string{"a release", "b release", "c release"}, want: []error{denied, invalid}},
		"one that is away stops":          {errs: [3]error{denied, away, nil}, said: []string{"a release", "b release"}, want: []error{away}},
		"so does the end":                 {errs: [3]error{context.Canceled, nil, nil}, ended: true, said: []string{"a release"}, want: []error{context.Canceled}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.ended {
				cancel()
			}
			var said []string
			sinks := notify.Sinks{voice{"a", tt.errs[0], &said}, voice{"b", tt.errs[1], &said}, voice{"c", tt.errs[2], &said}}
			err := sinks.Release(ctx, notify.Destination{}, report.Release{})
			if !slices.Equal(said, tt.said) {
				t.Errorf("reached %v, want %v", said, tt.said)
			}
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v in it", err, want)
				}
			}
			if err != nil && len(tt.want) == 0 {
				t.Error(err)
			}
		})
	}
}

// Every kind of report reaches its method, and a silent sink sends none.
func TestSinksSendEveryKind(t *testing.T) {
	var said []string
	sinks := notify.Sinks{struct{ notify.Silent }{}, voice{"a", nil, &said}}
	for _, err := range []error{
		sinks.Release(t.Context(), notify.Destination{}, report.Release{}),
		sinks.Unchanged(t.Context(), notify.Destination{}, report.Unchanged{}),
		sinks.FileCheck(t.Context(), notify.Destination{}, report.FileCheck{}),
		sinks.PullRequest(t.Context(), notify.Destination{}, report.PullRequest{}),
		sinks.Reaction(t.Context(), notify.Destination{}, report.Reaction{}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if want := []string{"a release", "a unchanged", "a file check", "a pull request", "a reaction"}; !slices.Equal(said, want) {
		t.Errorf("reached %v, want %v", said, want)
	}
}
