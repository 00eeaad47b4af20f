package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

// Mode is the extent of a cluster.
type Mode string

const (
	// Full is a whole node that runs pods.
	Full Mode = "full"
	// ControlPlane is API server, etcd and controller manager only.
	ControlPlane Mode = "control-plane"
)

// State is the content of state.json. Others read it: fields are only added.
type State struct {
	Mode       Mode   `json:"mode"`
	Dir        string `json:"dir"`
	Cache      string `json:"cache"`
	Kubeconfig string `json:"kubeconfig"`
	// APIServer is an URL that works on the host and, in full mode, in pods.
	APIServer string `json:"apiServer"`
	// Bridge and what follows is empty in a control plane alone.
	Bridge *Bridge `json:"bridge,omitempty"`
	// Registry is HOST:PORT, plain HTTP, the same from host, containerd and pods.
	Registry string `json:"registry,omitempty"`
	// Ingress is the URL on the host; IngressInCluster the one that pods use.
	Ingress          string `json:"ingress,omitempty"`
	IngressInCluster string `json:"ingressInCluster,omitempty"`
	IngressPort      int    `json:"ingressPort,omitempty"`
	// Ports are loopback ports of the cluster's programs, by name.
	Ports map[string]int `json:"ports"`
	// Parent ends the cluster when it ends.
	Parent *process.Identity `json:"parent,omitempty"`
	// Sysctls are the kernel's settings as they were before, by their path
	// under /proc/sys.
	Sysctls map[string]string `json:"sysctls,omitempty"`
	// MadeFolders are places outside of the cluster's folder that programs use
	// without being asked, and that were not there before.
	MadeFolders []string `json:"madeFolders,omitempty"`
}

// Bridge is the device that gives the cluster its address.
type Bridge struct {
	Name           string `json:"name"`
	Address        string `json:"address"`
	PodNetwork     string `json:"podNetwork"`
	ServiceNetwork string `json:"serviceNetwork"`
}

// Load reads path; fs.ErrNotExist when there is no cluster.
func Load(path string) (*State, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read cluster state: %w", err)
	}
	state := &State{}
	if err := json.Unmarshal(raw, state); err != nil {
		return nil, fmt.Errorf("read cluster state %s: %w; run devcluster down, which needs no state, then up", path, err)
	}
	return state, nil
}

// LoadOrNew reads path, or returns an empty state when there is no cluster yet.
func LoadOrNew(path string) (*State, error) {
	state, err := Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &State{Ports: map[string]int{}}, nil
	}
	return state, err
}

// Save replaces path in one step.
func (s *State) Save(path string) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode cluster state: %w", err)
	}
	next := path + ".next"
	if err := os.WriteFile(next, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("write cluster state: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write cluster state: %w", err)
	}
	return nil
}
