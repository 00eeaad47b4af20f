package progress

import (
	"bytes"
	"errors"
	"regexp"
	"testing"
	"time"
)

func TestStep(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"well":  {want: `^etcd: starting … \d+(\.\d)?m?s\n$`},
		"fails": {err: broken, want: `^etcd: starting … failed after \d+(\.\d)?m?s\n$`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := New(&out).Step("etcd", "starting", func() error { return test.err }); !errors.Is(err, test.err) {
				t.Errorf("error %v, want %v", err, test.err)
			}
			if !regexp.MustCompile(test.want).MatchString(out.String()) {
				t.Errorf("told %q, want %s", out.String(), test.want)
			}
		})
	}
}

func TestRound(t *testing.T) {
	for took, want := range map[time.Duration]string{
		340 * time.Millisecond: "300ms", 1234 * time.Millisecond: "1.2s", 12345 * time.Millisecond: "12s",
		8*time.Minute + 12*time.Second + 400*time.Millisecond: "8m12s",
	} {
		if got := round(took); got != want {
			t.Errorf("%s becomes %s, want %s", took, got, want)
		}
	}
}
