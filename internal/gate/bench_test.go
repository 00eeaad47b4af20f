package gate

import (
	"io"
	"net/http"
	"testing"

	"github.com/slipway-dev/slipway/internal/entrance"
)

// What a request costs that the gate forwards, against one that goes past it.
func BenchmarkForward(b *testing.B) {
	for name, through := range map[string]bool{"past": false, "through": true} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b, echo)
			f.is(entrance.Awake, nil)
			to := f.back.URL
			if through {
				to = f.front.URL
			}
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, to, nil)
				if err != nil {
					b.Fatal(err)
				}
				r.Host = host
				answer, err := f.front.Client().Do(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
			}
		})
	}
}
