package servertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Process is a server in a process of its own, as it runs in a cluster: what
// it costs can be told from what the test costs. Stop ends it as a signal
// would.
type Process struct {
	world    *World
	command  *exec.Cmd
	public   string // host:port
	internal string
	log      *os.File
	ended    chan error
}

// stopTime bounds the end of a process that was told to stop.
const stopTime = 30 * time.Second

// Process starts the program `slipway server` and waits until its door is
// open. Projects that are registered from then on are delivered to it.
func (w *World) Process(ctx context.Context, program string) (*Process, error) {
	p := &Process{world: w, ended: make(chan error, 1)}
	var err error
	if p.public, err = freeAddress(); err != nil {
		return nil, err
	}
	if p.internal, err = freeAddress(); err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(w.dir, "kubeconfig")
	if err := clientcmd.WriteToFile(w.kubeconfig(), kubeconfig); err != nil {
		return nil, fmt.Errorf("write the server's kubeconfig: %w", err)
	}
	if p.log, err = os.Create(filepath.Join(w.dir, "server.log")); err != nil {
		return nil, fmt.Errorf("make the server's log: %w", err)
	}
	p.command = exec.Command(program, "server", "--kubeconfig", kubeconfig, "--leader-elect=false", "--allow-http-git",
		"--public-address", p.public, "--internal-address", p.internal, "--data", filepath.Join(w.dir, "process"), "--namespace", Namespace,
		"--image", "slipway.example/slipway:test", "--builder-image", "slipway.example/kaniko:test", "--source-url", "http://source.invalid",
		"--sync-interval", syncInterval.String())
	p.command.Stderr = p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), p.log.Close())
	}
	go func() { p.ended <- p.command.Wait() }()
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	w.hooks = "http://" + p.public
	return p, nil
}

// kubeconfig says how the server reaches the API, with the rights that the
// chart gives it.
func (w *World) kubeconfig() clientcmdapi.Config {
	const name = "server"
	config := *clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server: w.config.Host, CertificateAuthorityData: w.config.CAData, CertificateAuthority: w.config.CAFile,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: w.config.BearerToken}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return config
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// ready waits until the door is open.
func (p *Process) ready(ctx context.Context) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.public+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("ask whether the server is ready: %w", err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w\n%s", ctx.Err(), p.Log())
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("the server ended: %w\n%s", err, p.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Log returns what the server logged.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Stop ends the server as a signal would and waits for it.
func (p *Process) Stop() error {
	p.world.hooks = p.world.public.URL
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		return errors.Join(err, p.log.Close())
	case <-time.After(stopTime):
		_ = p.command.Process.Kill()
		return errors.Join(fmt.Errorf("the server did not stop within %s", stopTime), <-p.ended, p.log.Close())
	}
}
