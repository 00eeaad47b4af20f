package servertest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/kubetest"
	"github.com/slipway-dev/slipway/internal/render/worker"
)

// startTimeout bounds the start of everything.
const startTimeout = 4 * time.Minute

// Main runs a package's tests in an environment of their own, and exits. Tests get
// the environment from the function they pass. The test binary is its own render
// worker. When all tests have run, nothing that a server printed or wrote may
// hold a secret of theirs, nor what only bodies of deliveries hold.
func Main(m *testing.M, keep func(*Environment)) {
	if len(os.Args) > 1 && os.Args[1] == "render-worker" {
		if err := worker.Main(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(m, keep))
}

func run(m *testing.M, keep func(*Environment)) int {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	plane, err := kubetest.StartOwn(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	env, err := newEnvironment(ctx, plane)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer env.close()
	keep(env)
	code := m.Run()
	found, err := env.leaks(context.Background())
	for _, leak := range found {
		fmt.Fprintln(os.Stderr, leak)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || len(found) > 0 {
		return 1
	}
	return code
}
