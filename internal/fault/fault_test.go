package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
)

func TestCodeAndMessage(t *testing.T) {
	cause := errors.New("dial tcp: refused, token=abc")
	tests := map[string]struct {
		err     error
		code    fault.Code
		message string
	}{
		"nil":         {nil, "", ""},
		"plain":       {cause, fault.Internal, "an internal error stopped this; the server's log has the details"},
		"coded":       {fault.New(fault.NotFound, "no project %q", "shop"), fault.NotFound, `no project "shop"`},
		"coded below": {fmt.Errorf("sync: %w", fault.Wrap(fault.Unavailable, cause, "the forge is down")), fault.Unavailable, "the forge is down"},
		"wrapped nil": {fault.Wrap(fault.Invalid, nil, "nothing"), "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := fault.CodeOf(tt.err); got != tt.code {
				t.Errorf("CodeOf = %q, want %q", got, tt.code)
			}
			if got := fault.MessageOf(tt.err); got != tt.message {
				t.Errorf("MessageOf = %q, want %q", got, tt.message)
			}
		})
	}
}

func TestWrapKeepsTheCause(t *testing.T) {
	cause := errors.New("boom")
	if err := fault.Wrap(fault.Internal, cause, "x"); !errors.Is(err, cause) {
		t.Errorf("errors.Is(%v, cause) = false", err)
	}
}
