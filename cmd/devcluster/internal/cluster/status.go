package cluster

import (
	"context"
	"errors"
	"io/fs"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// Status is what a cluster says about itself, and how its programs are.
type Status struct {
	*state.State
	Components []Health `json:"components"`
}

// Health is one program's.
type Health struct {
	Name string `json:"name"`
	// PID is 0 for what runs as a pod, and for the node.
	PID     int  `json:"pid,omitempty"`
	Healthy bool `json:"healthy"`
	// Problem is empty when healthy.
	Problem string `json:"problem,omitempty"`
	Log     string `json:"log,omitempty"`
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
	questions, err := c.questions(known)
	if err != nil {
		return nil, err
	}
	status := &Status{State: known}
	for _, name := range names {
		status.Components = append(status.Components, c.health(ctx, name, questions[name]))
	}
	if known.Mode == state.Full {
		pods, err := podHealth(ctx, known)
		if err != nil {
			return nil, err
		}
		status.Components = append(status.Components, pods...)
	}
	return status, nil
}

func (c *Cluster) health(ctx context.Context, name string, ask question) Health {
	id, _ := c.table.Identity(name)
	health := Health{Name: name, PID: id.PID, Log: c.table.LogFile(name)}
	if !id.Alive() {
		health.Problem = "not running"
	} else if ask != nil {
		if err := ask(ctx, name); err != nil {
			health.Problem = err.Error()
		}
	}
	health.Healthy = health.Problem == ""
	return health
}
