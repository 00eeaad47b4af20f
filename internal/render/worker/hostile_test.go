package worker_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/hostile"
	"github.com/slipway-dev/slipway/internal/render/worker"
)

// TestHostileRepositories renders the whole corpus in workers and looks at
// what became of this process, its files and its network.
func TestHostileRepositories(t *testing.T) {
	const secret = "hunter2-of-this-machine"
	t.Setenv("SLIPWAY_TEST_SECRET", secret)
	path := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(path, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "+secret+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var heard atomic.Int32
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(net.Conn, http.ConnState) { heard.Add(1) }
	server.Start()
	defer server.Close()

	limits := worker.DefaultLimits()
	limits.Time, limits.CPU, limits.Memory = 2*time.Minute, (1+raceFactor)*time.Second, 400*raceFactor<<20
	pool := newPool(t, func(o *worker.Options) { o.Size, o.Limits = 1, limits })
	cases := hostile.Cases(server.Listener.Addr().String(), path)
	if len(cases) < 60 {
		t.Errorf("the corpus has %d cases, want at least 60", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			began := time.Now()
			result, err := pool.Render(context.Background(), c.Tree, c.Request)
			if took := time.Since(began); took > limits.Time+time.Second {
				t.Errorf("it took %s, want at most %s", took, limits.Time+time.Second)
			}
			checkRefusal(t, c, err)
			if strings.Contains(string(result.Manifests), secret) || err != nil && strings.Contains(err.Error(), secret) {
				t.Error("it shows a secret of this machine")
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("it repeats a password: %v", err)
			}
		})
	}
	if n := heard.Load(); n > 0 {
		t.Errorf("%d connections reached the network", n)
	}
	fsys, req := shop()
	if _, err := pool.Render(context.Background(), fsys, req); err != nil {
		t.Errorf("after the corpus, a good repository doesn't render: %v", err)
	}
}

func checkRefusal(t *testing.T, c hostile.Case, err error) {
	t.Helper()
	if len(c.Says) == 0 {
		if err != nil {
			t.Errorf("it is refused, and is harmless: %v", err)
		}
		return
	}
	if fault.CodeOf(err) != fault.Invalid {
		t.Fatalf("got %v (%s), want an invalid error", err, fault.CodeOf(err))
	}
	var coded *fault.Error
	if !errors.As(err, &coded) {
		t.Fatalf("%v has no code", err)
	}
	for _, part := range c.Says {
		if !strings.Contains(coded.Message, part) {
			t.Errorf("the message is\n%s\nwant it to contain %q", coded.Message, part)
		}
	}
}
