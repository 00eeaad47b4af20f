package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

// Names of the processes.
const (
	Scheduler  = "kube-scheduler"
	Containerd = "containerd"
	Kubelet    = "kubelet"
	Proxy      = "kube-proxy"
)

// Config is everything that the node's programs need to know.
type Config struct {
	Layout layout.Layout
	// Kubernetes, Containerd and Runc are folders of compiled programs.
	Kubernetes, Containerd, Runc string
	Authority                    *pki.Authority
	// APIServer is the URL of the API server.
	APIServer string
	// PauseImage holds a pod's namespaces open.
	PauseImage string
	// Plugins is the folder of the cluster's own network plugin.
	Plugins string
	// MTU is that of the pods' network devices.
	MTU int
	// Memory is the machine's, in bytes.
	Memory int64
	// Loopback ports.
	SchedulerPort, KubeletHealthPort, ProxyHealthPort, ProxyMetricsPort int
}

// ContainerdSocket is where containerd serves the kubelet. Its path is short,
// because a socket's may have 107 bytes only.
func ContainerdSocket() string { return filepath.Join(layout.Sockets, "containerd.sock") }

// PolicySocket is where the network policy agent serves the network plugin.
func PolicySocket() string { return filepath.Join(layout.Sockets, "netpol.sock") }

// Specs writes the programs' configuration files and returns the processes in
// the order in which they start.
func (c Config) Specs() ([]process.Spec, error) {
	var specs []process.Spec
	for _, make := range []func() (process.Spec, error){c.scheduler, c.containerd, c.kubelet, c.proxy} {
		spec, err := make()
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// Issue makes the certificates and kubeconfigs of the node's programs.
func (c Config) Issue() error {
	for name, subject := range map[string]pki.Subject{
		Scheduler: {User: "system:" + Scheduler, Hosts: []string{"127.0.0.1", "localhost"}},
		Proxy:     {User: "system:" + Proxy},
		Kubelet: {User: "system:node:" + layout.NodeName, Groups: []string{"system:nodes"},
			Hosts: []string{layout.BridgeAddress, layout.NodeName}},
	} {
		if err := c.Authority.Kubeconfig(name, subject, c.APIServer, c.kubeconfig(name)); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) kubeconfig(name string) string { return c.Layout.File("pki", name+".kubeconfig") }

func (c Config) scheduler() (process.Spec, error) {
	kubeconfig := c.kubeconfig(Scheduler)
	return c.spec(Scheduler, c.Kubernetes, nil,
		"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
		"--bind-address=127.0.0.1",
		"--secure-port="+strconv.Itoa(c.SchedulerPort),
		"--tls-cert-file="+c.Authority.CertFile(Scheduler),
		"--tls-private-key-file="+c.Authority.KeyFile(Scheduler),
		"--client-ca-file="+c.Authority.CertFile("ca"),
		"--leader-elect=false",
	), nil
}

// proxy sends packets for Services to pods.
func (c Config) proxy() (process.Spec, error) {
	path, content, err := c.write("kube-proxy.json", map[string]any{
		"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
		"mode":               "nftables",
		"bindAddress":        layout.BridgeAddress,
		"healthzBindAddress": "127.0.0.1:" + strconv.Itoa(c.ProxyHealthPort),
		"metricsBindAddress": "127.0.0.1:" + strconv.Itoa(c.ProxyMetricsPort),
		"clientConnection":   map[string]any{"kubeconfig": c.kubeconfig(Proxy)},
		"clusterCIDR":        layout.PodNetwork,
		"hostnameOverride":   layout.NodeName,
		"nodePortAddresses":  []string{layout.BridgeAddress + "/32"},
		// The kernel's connection table belongs to the machine, not to us.
		"conntrack": map[string]any{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
	})
	if err != nil {
		return process.Spec{}, err
	}
	return c.spec(Proxy, c.Kubernetes, []string{content}, "--config="+path), nil
}

// spec puts our containerd, shim and runc first in the search path.
func (c Config) spec(name, folder string, inputs []string, args ...string) process.Spec {
	return process.Spec{
		Name: name, Path: filepath.Join(folder, name), Args: args, Inputs: inputs,
		Env: process.Environment(c.Layout.Run, "PATH="+c.Containerd+":"+c.Runc+":"+process.SearchPath),
	}
}

// write keeps a configuration file; JSON is YAML.
func (c Config) write(name string, value any) (path, content string, err error) {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return "", "", fmt.Errorf("encode %s: %w", name, err)
	}
	return c.writeText(name, string(raw)+"\n")
}

// writeText leaves a file that is right alone: kube-proxy ends when its own is written.
func (c Config) writeText(name, content string) (string, string, error) {
	path := c.Layout.File("config", name)
	if now, err := os.ReadFile(path); err == nil && string(now) == content {
		return path, content, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", "", fmt.Errorf("write configuration: %w", err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return "", "", fmt.Errorf("write configuration: %w", err)
	}
	return path, content, nil
}
