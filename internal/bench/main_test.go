//go:build integration

package bench

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

var (
	world   *servertest.Environment
	program = flag.String("slipway", "", "the program whose server is measured; without it the server runs in this process, to be profiled")
	calls   = flag.Bool("calls", false, "print the API requests that the slowest push of each case led to; needs the server in this process")
	pushes  = flag.Int("pushes", 30, "how often each case is pushed; slow ones less often")
	report  = flag.String("report", "", "document whose figures are replaced")
)

func TestMain(m *testing.M) {
	if kubeconfig := os.Getenv(cacheOf); kubeconfig != "" {
		ctrl.SetLogger(logr.Discard())
		got, err := fillCache(context.Background(), kubeconfig)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(got)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	servertest.Main(m, func(w *servertest.Environment) { world = w })
}

// BenchmarkSlipway measures every case that the pattern selects and ends with
// the table.
func BenchmarkSlipway(b *testing.B) {
	measured := newServer(b)
	info, err := world.Plane.Client(b).Discovery().ServerVersion()
	if err != nil {
		b.Fatal(err)
	}
	t := table{kubernetes: info.GitVersion}
	b.Run("idle", func(b *testing.B) { t.memory(b, measured, "idle") })
	for i, s := range scenarios() {
		b.Run(s.name, func(b *testing.B) { measure(b, measured, &t, s, fmt.Sprintf("bench%d", i)) })
	}
	if *report != "" {
		if err := t.write(*report); err != nil {
			fmt.Fprintln(os.Stderr, err)
			b.FailNow()
		}
	}
}

// idle waits until the set-up is told to everybody: reports of many stages are
// paced, as forges want them.
func idle(b *testing.B, measured server) {
	b.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		before := measured.spent(b)
		time.Sleep(restTime)
		if measured.spent(b).minus(before).writes() == 0 {
			return
		}
	}
	b.Fatalf("the server still writes after %s", patience)
}

// measure pushes again and again; every push is followed by what the floor
// does about the same commit.
func measure(b *testing.B, measured server, t *table, s scenario, organization string) {
	measured.resetPeak(b)
	fx := newFixture(b, s, organization)
	f := newFloor(b, fx)
	m := measurements{name: s.name, what: s.what}
	warm := s.push(0)
	fx.push(b, warm)
	f.run(b, fx.pushed, warm)
	fx.rest(b)
	idle(b, measured)
	for i := 1; i <= s.times(*pushes); i++ {
		push := s.push(i)
		f.prepare(b, push)
		before := measured.spent(b)
		took := fx.push(b, push)
		fx.rest(b)
		m.spent = m.spent.plus(measured.spent(b).minus(before))
		if took > slices.Max(append(m.pushes, 0)) {
			measured.remember(fx.sent)
		}
		m.pushes = append(m.pushes, took)
		m.floors = append(m.floors, f.run(b, fx.pushed, push))
	}
	m.peak = measured.peak(b)
	t.add(m)
	if *calls {
		measured.printCalls()
	}
	if s.shown {
		t.add(measureShown(b, measured, s))
	}
	if s.rests {
		t.add(measureNothing(b, measured, fx, f))
		t.memory(b, measured, fmt.Sprintf("%d-stages", s.all))
	}
}
