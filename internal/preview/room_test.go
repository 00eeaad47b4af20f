package preview

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/scm"
)

// A preview whose turn it is not yet has the place of one that nobody comes to and that the
// next visit wakes.
func TestRoom(t *testing.T) {
	two := policy(func(p *project.Previews) { p.Limit = 2 })
	lives := func(pushed, visited time.Duration, change func(*Known)) Known {
		known := Known{Lives: true, Wakes: true, Commit: "x", Pushed: start().Add(-pushed)}
		if visited > 0 {
			known.Visited = start().Add(-visited)
		}
		if change != nil {
			change(&known)
		}
		return known
	}
	asleep := func(k *Known) { k.Asleep = true }
	ungated := func(k *Known) { k.Wakes = false }
	const minute, hour = time.Minute, time.Hour
	tests := map[string]struct {
		known map[int64]Known
		want  string // states, and which are to sleep
	}{
		"nobody came for hours":       {map[int64]Known{1: lives(5*hour, 0, nil), 2: lives(9*hour, 0, nil)}, "1 Live sleeps, 2 Live sleeps, 3 Live, 4 Live"},
		"one was visited":             {map[int64]Known{1: lives(5*hour, minute, nil), 2: lives(9*hour, 2*hour, nil)}, "1 Live, 2 Live sleeps, 3 Live, 4 Queued"},
		"visits count, not pushes":    {map[int64]Known{1: lives(9*hour, minute, nil), 2: lives(hour, 0, nil)}, "1 Live, 2 Live sleeps, 3 Live, 4 Queued"},
		"both are in use":             {map[int64]Known{1: lives(minute, 0, nil), 2: lives(9*hour, 9*minute, nil)}, "1 Live, 2 Live, 3 Queued, 4 Queued"},
		"one sleeps":                  {map[int64]Known{1: lives(9*hour, 0, asleep), 2: lives(minute, 0, nil)}, "1 Live, 2 Live, 3 Live, 4 Queued"},
		"both sleep":                  {map[int64]Known{1: lives(9*hour, 0, asleep), 2: lives(9*hour, 0, asleep)}, "1 Live, 2 Live, 3 Live, 4 Live"},
		"no visit would wake them":    {map[int64]Known{1: lives(9*hour, 0, ungated), 2: lives(9*hour, 0, ungated)}, "1 Live, 2 Live, 3 Queued, 4 Queued"},
		"more are awake than allowed": {map[int64]Known{1: lives(9*hour, 0, nil), 2: lives(minute, 0, nil), 3: lives(minute, 0, nil)}, "1 Live sleeps, 2 Live, 3 Live, 4 Queued"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var open []scm.PullRequest
			commits := map[string]string{"refs/heads/main": "main"}
			for n := range int64(4) {
				branch := fmt.Sprint("b", n+1)
				open = append(open, request(n+1, branch, "main", nil))
				commits["refs/heads/"+branch] = "x"
			}
			var got []string
			for _, d := range Decide(Facts{Previews: two, Open: open, Heads: commits, Known: tt.known, Now: start()}) {
				text := fmt.Sprint(d.Request.Number, " ", d.State)
				if d.Sleeps {
					text += " sleeps"
				}
				got = append(got, text)
			}
			if all := strings.Join(got, ", "); all != tt.want {
				t.Errorf("decided %s, want %s", all, tt.want)
			}
		})
	}
}
