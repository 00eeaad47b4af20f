package cluster

import (
	"context"
	"errors"
	"io/fs"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/controlplane"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// Status is what a cluster says about itself, and how its programs are.
type Status struct {
	*state.State
	Components []Health `json:"components"`
}

// Health is one program's.
type Health struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	Healthy bool   `json:"healthy"`
	// Problem is empty when healthy.
	Problem string `json:"problem,omitempty"`
	Log     string `json:"log"`
}

// ErrNone is returned when there is no cluster in the folder.
var ErrNone = errors.New("no cluster here")

// Healthy says whether every program is.
func (s *Status) Healthy() bool {
	for _, component := range s.Components {
		if !component.Healthy {
			return false
		}
	}
	return len(s.Components) > 0
}

// Status asks every recorded program. ErrNone when there is no cluster.
func (c *Cluster) Status(ctx context.Context) (*Status, error) {
	known, err := state.Load(c.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	names, err := c.table.Names()
	if err != nil {
		return nil, err
	}
	probe, err := c.probe(known)
	if err != nil {
		return nil, err
	}
	status := &Status{State: known}
	for _, name := range names {
		status.Components = append(status.Components, c.health(ctx, name, probe))
	}
	return status, nil
}

func (c *Cluster) health(ctx context.Context, name string, probe func(context.Context, string) error) Health {
	id, _ := c.table.Identity(name)
	health := Health{Name: name, PID: id.PID, Log: c.table.LogFile(name)}
	if !id.Alive() {
		health.Problem = "not running"
	} else if err := probe(ctx, name); err != nil {
		health.Problem = err.Error()
	}
	health.Healthy = health.Problem == ""
	return health
}

// probe returns the question for each program of the cluster; one without a
// health address is well when it runs.
func (c *Cluster) probe(known *state.State) (func(context.Context, string) error, error) {
	config, err := c.controlPlaneConfig(known, "")
	if err != nil {
		return nil, err
	}
	prober, err := controlplane.NewProber(config)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, name string) error {
		switch name {
		case controlplane.Etcd, controlplane.APIServer, controlplane.ControllerManager:
			return prober.Healthy(ctx, name)
		}
		return nil
	}, nil
}
