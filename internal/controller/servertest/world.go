package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kubetest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// ForgeToken is what git and the forge's API want.
const ForgeToken = "token-of-the-forge"

// World is what servers work with: API server, forge and registry. They stay
// when a server stops. One test uses it at a time.
type World struct {
	Plane *kubetest.ControlPlane
	// Client has every right on the cluster.
	Client   client.WithWatch
	Forge    *forgetest.Forge
	Registry string // host:port
	Post     *Post
	Traffic  *Traffic // of the server

	dir    string
	config *rest.Config // the server's
	door   atomic.Pointer[http.Handler]
	server *Server
	// canaries reads along with every server's log.
	canaries canaryLog
	public *httptest.Server
	hooks  string // where deliveries go
	served []*httptest.Server
}

func newWorld(ctx context.Context, plane *kubetest.ControlPlane) (*World, error) {
	w := &World{Plane: plane, Traffic: &Traffic{}, Post: &Post{}}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	if w.Client, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("client of the control plane: %w", err)
	}
	if w.dir, err = os.MkdirTemp("", "servertest-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if w.config, err = install(ctx, plane, w.Client); err != nil {
		return nil, errors.Join(err, os.RemoveAll(w.dir))
	}
	w.config.Wrap(w.Traffic.wrap)
	w.public = httptest.NewServer(http.HandlerFunc(w.knock))
	w.hooks = w.public.URL
	return w, w.startNeighbours()
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("register types: %w", err)
	}
	return scheme, nil
}

// startNeighbours starts the forge and the registry.
func (w *World) startNeighbours() error {
	var err error
	sender := &http.Client{Timeout: 10 * time.Second, Transport: w.Post}
	w.Forge, err = forgetest.New(forgetest.Options{Dir: filepath.Join(w.dir, "forge"), Token: ForgeToken, Client: sender})
	if err != nil {
		return err
	}
	forge := httptest.NewServer(w.Forge)
	w.Forge.SetURL(forge.URL)
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	w.Registry = strings.TrimPrefix(images.URL, "http://")
	w.served = append(w.served, forge, images)
	return nil
}

// knock hands a request to the door of the server that runs now.
func (w *World) knock(response http.ResponseWriter, request *http.Request) {
	if door := w.door.Load(); door != nil {
		(*door).ServeHTTP(response, request)
		return
	}
	http.Error(response, "no server runs", http.StatusServiceUnavailable)
}

// Knock makes deliveries of projects that are registered from now on go
// straight to a process, which must outlive them.
func (w *World) Knock(p *Process) { w.hooks = p.Public }

// Hook is where a project's deliveries go.
func (w *World) Hook(organization, project string) string {
	return w.hooks + "/hooks/" + organization + "/" + project
}

func (w *World) close() {
	if w.server != nil {
		_ = w.server.Stop()
	}
	w.Forge.Close()
	for _, server := range append(w.served, w.public) {
		server.Close()
	}
	_ = os.RemoveAll(w.dir)
}
