//go:build integration

package convergence

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

var (
	histories = flag.Int("histories", 36, "how many random histories are played")
	first     = flag.Int("first", 1, "the seed of the first history")
	rounds    = flag.Int("rounds", 1, "how often the server is killed at each point")
	failovers = flag.Int("failovers", 3, "how often the leader of two replicas is killed, frozen or cut off")
	world     *servertest.Environment
	program   servertest.Program
	output    journal // of every server of this package
)

// patience bounds every wait: it is long because machines are slow, and never
// used up when all is well.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	servertest.Main(m, func(w *servertest.Environment) {
		world = w
		var err error
		if program, err = w.Compile(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	})
}

// journal keeps what servers print.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// harnessMark begins the lines that no server wrote.
const harnessMark = "harness: "

// note writes what happens to the servers.
func (j *journal) note(format string, args ...any) {
	fmt.Fprintf(j, harnessMark+time.Now().UTC().Format(time.RFC3339Nano)+" "+format+"\n", args...)
}

// about returns the last lines that hold a text, or tell of kills and starts.
func (j *journal) about(text string) string {
	var lines []string
	for line := range strings.Lines(j.String()) {
		if strings.Contains(line, text) || strings.HasPrefix(line, harnessMark) {
			lines = append(lines, line)
		}
	}
	if len(lines) > 60 {
		lines = lines[len(lines)-60:]
	}
	return strings.Join(lines, "")
}
