package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/addon"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/controlplane"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/node"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// question asks a program whether it serves; nil means yes.
type question func(ctx context.Context, name string) error

// healthURL asks an address; a certificate isn't checked, as no secret is sent.
func healthURL(url string) question {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, //nolint:gosec // loopback, asks for "ok" only
	}}
	return func(ctx context.Context, _ string) error { return controlplane.Get(ctx, client, url) }
}

// isRunning is the question to a program that only watches: that it runs is
// asked of every one.
func isRunning(context.Context, string) error { return nil }

// healthSocket asks whether something accepts connections.
func healthSocket(path string) question {
	return func(ctx context.Context, _ string) error {
		var dialer net.Dialer
		connection, err := dialer.DialContext(ctx, "unix", path)
		if err != nil {
			return err
		}
		return connection.Close()
	}
}

func nodeHealth(config node.Config) map[string]question {
	return map[string]question{
		node.Scheduler:  healthURL(fmt.Sprintf("https://127.0.0.1:%d/healthz", config.SchedulerPort)),
		node.Containerd: healthSocket(node.ContainerdSocket()),
		node.Kubelet:    healthURL(fmt.Sprintf("http://127.0.0.1:%d/healthz", config.KubeletHealthPort)),
		node.Proxy:      healthURL(fmt.Sprintf("http://127.0.0.1:%d/livez", config.ProxyHealthPort)),
	}
}

// questions returns what to ask each program of the cluster; the watch on the
// parent process is asked nothing.
func (c *Cluster) questions(known *state.State) (map[string]question, error) {
	config, err := c.controlPlaneConfig(known, "")
	if err != nil {
		return nil, err
	}
	prober, err := controlplane.NewProber(config)
	if err != nil {
		return nil, err
	}
	questions := map[string]question{}
	if known.Mode == state.Full {
		nodeConfig, err := c.nodeConfig(known, programs{})
		if err != nil {
			return nil, err
		}
		questions = nodeHealth(nodeConfig)
		questions[registryName] = healthURL("http://" + layout.Registry() + "/v2/")
		questions[volumesName] = isRunning
		questions[policyName] = healthSocket(node.PolicySocket())
	}
	for _, name := range []string{controlplane.Etcd, controlplane.APIServer, controlplane.ControllerManager} {
		questions[name] = prober.Healthy
	}
	return questions, nil
}

// podHealth is the health of what runs as pods.
func podHealth(ctx context.Context, known *state.State) ([]Health, error) {
	client, err := addon.NewClient(known.Kubeconfig)
	if err != nil {
		return nil, err
	}
	var all []Health
	for _, pod := range []struct {
		name string
		ask  func(context.Context) error
	}{{"node", client.NodeReady}, {addon.DNS, client.DNSReady}, {addon.Ingress, client.IngressReady}} {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		health := Health{Name: pod.name, Healthy: true}
		if err := pod.ask(ctx); err != nil {
			health.Healthy, health.Problem = false, err.Error()
		}
		cancel()
		all = append(all, health)
	}
	return all, nil
}

// awaitUnlessReady reports a step only when there is something to wait for.
func (c *Cluster) awaitUnlessReady(ctx context.Context, name string, ready func(context.Context) error, await func(context.Context, time.Duration) error) error {
	if ready(ctx) == nil {
		return nil
	}
	return c.report.Step(name, "getting ready", func() error {
		if err := await(ctx, readyLimit); err != nil {
			return fmt.Errorf("%s doesn't get ready: %w", name, err)
		}
		return nil
	})
}
