//go:build integration

package bench

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
)

var (
	world  *servertest.World
	calls  = flag.Bool("calls", false, "print the API requests that the last push of each case led to")
	stages = flag.Int("stages", 100, "how many stages the project has of which one is touched")
)

func TestMain(m *testing.M) {
	servertest.Main(m, func(w *servertest.World) { world = w })
}

// scenario is one kind of push.
type scenario struct {
	name     string
	files    int      // in the repository
	rules    string   // the stages of the project file
	branches []string // besides main
	branch   string   // that is pushed to
	touched  []target // by such a push
	all      int      // stages of the project
}

// target is a stage and the rule that it comes from.
type target struct{ stage, rule string }

func scenarios() []scenario {
	return []scenario{
		one("5-objects-30-files", 30),
		one("5-objects-10000-files", 10_000),
		together(20),
		among(*stages),
	}
}

// one is a push that touches the only stage.
func one(name string, files int) scenario {
	return scenario{name: name, files: files, rules: "  - {name: dev, branch: main}\n", branch: "main", touched: []target{{"dev", "dev"}}, all: 1}
}

// together is a push that touches n stages at once.
func together(n int) scenario {
	s := scenario{name: fmt.Sprintf("%d-stages-at-once", n), files: 30, branch: "main", all: n}
	for i := range n {
		stage := fmt.Sprintf("s%02d", i)
		s.rules += "  - {name: " + stage + ", branch: main}\n"
		s.touched = append(s.touched, target{stage, stage})
	}
	return s
}

// among is a push that touches one of n stages, each with its own branch.
func among(n int) scenario {
	s := scenario{name: fmt.Sprintf("1-of-%d-stages", n), files: 30, rules: "  - {name: feature, branch: \"feature/*\"}\n", all: n}
	for i := range n {
		s.branches = append(s.branches, fmt.Sprintf("feature/f%04d", i))
	}
	s.branch = s.branches[n/2]
	s.touched = []target{{naming.StageForRef("feature", "refs/heads/"+s.branch), "feature"}}
	return s
}

func BenchmarkPush(b *testing.B) {
	for i, s := range scenarios() {
		b.Run(s.name, func(b *testing.B) { measure(b, s, fmt.Sprintf("bench%d", i)) })
	}
}

// measure pushes again and again; every push is followed by what the floor
// does about the same commit.
func measure(b *testing.B, s scenario, organization string) {
	if _, err := world.Server(b.Context()); err != nil {
		b.Fatal(err)
	}
	y := newYard(b, s, organization)
	f := newFloor(b, y)
	y.push(b, "warm")
	f.run(b, y.pushed)
	var m measurements
	for i := 0; b.Loop(); i++ {
		text := fmt.Sprintf("v%d", i)
		world.Traffic.Take()
		before := processorTime(b)
		took := y.push(b, text)
		m.note(took, processorTime(b)-before, world.Traffic.Take())
		m.floors = append(m.floors, f.run(b, y.pushed))
	}
	m.print(s.name)
	if *calls {
		m.printCalls(y.sent)
	}
	b.ReportMetric(milliseconds(median(m.pushes)), "ms/push")
	b.ReportMetric(milliseconds(median(m.floors)), "ms/floor")
}

// settings is the object that pushes change.
func settings(greeting string) map[string]string {
	return map[string]string{"deploy/settings.yaml": strings.Join([]string{
		"apiVersion: v1", "kind: ConfigMap", "metadata: {name: settings}", "data: {greeting: " + greeting + "}", "",
	}, "\n")}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
