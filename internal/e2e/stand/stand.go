package stand

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Options say where a stand is put.
type Options struct {
	// Root is the checkout.
	Root string
	// Dir is the cluster's folder, removed by Down; Cache keeps compiled
	// programs and base images.
	Dir, Cache string
	// Progress is where steps are told.
	Progress io.Writer
}

// Stand is a cluster with Slipway in it.
type Stand struct {
	options Options
	state   state
}

// state is what the cluster says of itself.
type state struct {
	Registry string `json:"registry"`
	Ingress  string `json:"ingress"`
	// IngressPort is the ingress' port on this machine.
	IngressPort int `json:"ingressPort"`
	Bridge      struct {
		Address string `json:"address"`
	} `json:"bridge"`
}

// At returns the stand in a folder, without bringing it up.
func At(options Options) *Stand { return &Stand{options: options} }

// Up brings up a cluster with Slipway installed. What runs already is left
// alone, Slipway itself is brought to the checkout's code.
func Up(ctx context.Context, options Options) (*Stand, error) {
	s := At(options)
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"compile the development cluster's program", s.compileCluster},
		{"bring up a one-node Kubernetes", s.up},
		{"seed base images (busybox, golang, redis) as a mirror of docker.io", s.seed},
		{"make the kaniko image", s.kaniko},
		{"compile Slipway and make its image", s.image},
		{"install Slipway with its chart", s.install},
		{"wait until Slipway is ready", s.Ready},
	}
	for _, step := range steps {
		if err := s.step(ctx, step.name, step.do); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Down ends the cluster and everything in it.
func (s *Stand) Down(ctx context.Context) error {
	if _, err := os.Stat(s.options.Dir); os.IsNotExist(err) {
		return nil
	}
	if err := s.compileCluster(ctx); err != nil {
		return err
	}
	return s.show(ctx, s.options.Root, s.devcluster(), "down")
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (s *Stand) Kubeconfig() string { return filepath.Join(s.options.Dir, "kubeconfig") }

// Registry is the registry's host and port, the same for everybody.
func (s *Stand) Registry() string { return s.state.Registry }

// Ingress is the base URL of the ingress on this machine.
func (s *Stand) Ingress() string { return s.state.Ingress }

// Bridge is the address of this machine that pods reach.
func (s *Stand) Bridge() string { return s.state.Bridge.Address }

// Bin is the path of one of the programs that come with the cluster.
func (s *Stand) Bin(name string) string { return filepath.Join(s.options.Cache, "bin", name) }

// Slipway is the path of the compiled program.
func (s *Stand) Slipway() string { return filepath.Join(s.options.Cache, "slipway") }

func (s *Stand) devcluster() string { return filepath.Join(s.options.Cache, "bin", "devcluster") }

func (s *Stand) compileCluster(ctx context.Context) error {
	_, err := s.run(ctx, filepath.Join(s.options.Root, "cmd", "devcluster"), "go", "build", "-o", s.devcluster(), ".")
	return err
}

func (s *Stand) up(ctx context.Context) error {
	if err := s.show(ctx, s.options.Root, s.devcluster(), "up"); err != nil {
		return err
	}
	return s.load(ctx)
}

// load reads where the cluster is.
func (s *Stand) load(ctx context.Context) error {
	out, err := s.run(ctx, s.options.Root, s.devcluster(), "status", "-o", "json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), &s.state); err != nil {
		return fmt.Errorf("read the cluster's status: %w", err)
	}
	return nil
}

// Attach finds a stand that runs already.
func Attach(ctx context.Context, options Options) (*Stand, error) {
	s := At(options)
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("no stand runs in %s: %w", options.Dir, err)
	}
	return s, nil
}

// Poll calls check until it is done, fails, or the time is over.
func Poll(ctx context.Context, limit time.Duration, check func(context.Context) (done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := check(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
