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
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/kubetest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// ForgeToken is what git and the forge's API want.
const ForgeToken = "token-of-the-forge"

// Environment is what servers work with: API server, forge and registry. They stay
// when a server stops. One test uses it at a time.
type Environment struct {
	Plane *kubetest.ControlPlane
	// Client has every right on the cluster.
	Client   client.WithWatch
	Forge    *forgetest.Forge
	Registry string // host:port
	Post     *Post
	Traffic  *Traffic // of the server

	dir         string
	config      *rest.Config // the server's
	receiver    atomic.Pointer[http.Handler]
	server      *Server
	fastPathOff fastpath.Features // of servers that are started from now on
	// canaries reads along with every server's log.
	canaries canaryLog
	public   *httptest.Server
	hooks    string // where deliveries go
	served   []*httptest.Server
}

func newEnvironment(ctx context.Context, plane *kubetest.ControlPlane) (*Environment, error) {
	e := &Environment{Plane: plane, Traffic: &Traffic{}, Post: &Post{}}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	if e.Client, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("client of the control plane: %w", err)
	}
	if e.dir, err = os.MkdirTemp("", "servertest-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if e.config, err = install(ctx, plane, e.Client); err != nil {
		return nil, errors.Join(err, os.RemoveAll(e.dir))
	}
	e.config.Wrap(e.Traffic.wrap)
	e.public = httptest.NewServer(http.HandlerFunc(e.forward))
	e.hooks = e.public.URL
	return e, e.startNeighbours()
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("register types: %w", err)
	}
	return scheme, nil
}

// startNeighbours starts the forge and the registry.
func (e *Environment) startNeighbours() error {
	var err error
	sender := &http.Client{Timeout: 10 * time.Second, Transport: e.Post}
	e.Forge, err = forgetest.New(forgetest.Options{Dir: filepath.Join(e.dir, "forge"), Token: ForgeToken, Client: sender})
	if err != nil {
		return err
	}
	forge := httptest.NewServer(e.Forge)
	e.Forge.SetURL(forge.URL)
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	e.Registry = strings.TrimPrefix(images.URL, "http://")
	e.served = append(e.served, forge, images)
	return nil
}

// forward hands a request to the receiver of the server that runs now.
func (e *Environment) forward(response http.ResponseWriter, request *http.Request) {
	if receiver := e.receiver.Load(); receiver != nil {
		(*receiver).ServeHTTP(response, request)
		return
	}
	http.Error(response, "no server runs", http.StatusServiceUnavailable)
}

// DeliverTo makes deliveries of projects that are registered from now on go
// straight to a process, which must outlive them.
func (e *Environment) DeliverTo(p *Process) { e.hooks = p.Public }

// Hook is where a project's deliveries go.
func (e *Environment) Hook(organization, project string) string {
	return e.hooks + "/hooks/" + organization + "/" + project
}

func (e *Environment) close() {
	if e.server != nil {
		_ = e.server.Stop()
	}
	e.Forge.Close()
	for _, server := range append(e.served, e.public) {
		server.Close()
	}
	_ = os.RemoveAll(e.dir)
}
