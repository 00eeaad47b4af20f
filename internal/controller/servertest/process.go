package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Program is the compiled program.
type Program string

// Compile compiles the program that users run.
func (e *Environment) Compile(ctx context.Context) (Program, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("find the program: the binary does not know its sources")
	}
	to := filepath.Join(e.dir, "slipway")
	command := exec.CommandContext(ctx, "go", "build", "-o", to, "./cmd/slipway")
	command.Dir = filepath.Join(filepath.Dir(file), "..", "..", "..")
	if err := dependOn(filepath.Join(command.Dir, "internal"), filepath.Join(command.Dir, "cmd", "slipway")); err != nil {
		return "", err
	}
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the program: %w\n%s", err, output)
	}
	return Program(to), nil
}

// dependOn reads folders, so that Go keeps no result of a test that the
// program took part in longer than the program's sources stay as they are.
func dependOn(folders ...string) error {
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return fmt.Errorf("read the program's sources: %w", err)
		}
	}
	return nil
}

// Launch says how a process is started.
type Launch struct {
	Program Program
	// Gate is the way to the API server; nil goes there directly.
	Gate *Gate
	// Link, when set, comes before the gate.
	Link *Link
	// Log receives what the process prints.
	Log io.Writer
	// Flags are added to the ones that every process gets.
	Flags []string
}

// Process is the program running as a server of its own, which can be killed
// at any moment as a machine's failure would. Deliveries go to the one that
// was launched last.
type Process struct {
	// Internal is the base URL of what stays inside a cluster: metrics.
	Internal string
	// Public is the base URL of the receiver.
	Public string

	env     *Environment
	command *exec.Cmd
	done    chan struct{}
}

// Launch starts the program and waits until it takes deliveries.
func (e *Environment) Launch(ctx context.Context, l Launch) (*Process, error) {
	kubeconfig, err := e.kubeconfig(l)
	if err != nil {
		return nil, err
	}
	public, internal, err := freePorts()
	if err != nil {
		return nil, err
	}
	flags := append([]string{
		"server", "--kubeconfig", kubeconfig, "--leader-elect=false", "--allow-http-git", "--outgoing-allow", Neighbours,
		"--public-address", public, "--internal-address", internal, "--data", filepath.Join(e.dir, "data"),
		"--namespace", Namespace, "--image", "slipway.example/slipway:test", "--builder-image", "slipway.example/kaniko:test",
		"--source-url", "http://source.invalid", "--sync-interval", syncInterval.String(), "--timer-syncs", strconv.Itoa(timerSyncs),
	}, l.Flags...)
	p := &Process{Internal: "http://" + internal, Public: "http://" + public, env: e, done: make(chan struct{})}
	p.command = exec.Command(string(l.Program), flags...) //nolint:noctx // it outlives the call; Kill ends it
	output := io.MultiWriter(l.Log, &e.canaries)
	p.command.Stdout, p.command.Stderr = output, output
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start the program: %w", err)
	}
	go func() {
		defer close(p.done)
		_ = p.command.Wait()
	}()
	if err := p.ready(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	e.Open(p.receiver())
	return p, nil
}

// Open makes deliveries go to a handler; with nil nobody takes them.
func (e *Environment) Open(receiver http.Handler) {
	if receiver == nil {
		e.receiver.Store(nil)
		return
	}
	e.receiver.Store(&receiver)
}

// Kill ends the process without a chance to tidy up, and waits until it is
// gone. It may be called more than once.
func (p *Process) Kill() {
	_ = p.command.Process.Kill()
	<-p.done
}

// Pid is the process's id.
func (p *Process) Pid() int { return p.command.Process.Pid }

// Alive reports whether the process runs.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// receiver forwards to the process; a process that is gone answers nothing.
func (p *Process) receiver() http.Handler {
	target := &url.URL{Scheme: "http", Host: strings.TrimPrefix(p.Public, "http://")}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "the server is gone", http.StatusBadGateway)
		},
		ErrorLog: quiet(),
	}
}

// ready waits until the process says that it can take deliveries.
func (p *Process) ready(ctx context.Context) error {
	asking := &http.Client{Timeout: 5 * time.Second} // another program may have taken the port
	defer asking.CloseIdleConnections()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Public+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("ask the program: %w", err)
		}
		response, err := asking.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK && p.Alive() {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the program: %w", ctx.Err())
		case <-p.done:
			return errors.New("wait for the program: it ended")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// freePorts returns two addresses that nobody listens on.
func freePorts() (public, internal string, err error) {
	var found []string
	for range 2 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		found = append(found, listener.Addr().String())
	}
	return found[0], found[1], nil
}

// kubeconfig writes the server's own credentials to a file.
func (e *Environment) kubeconfig(l Launch) (string, error) {
	cluster := &clientcmdapi.Cluster{Server: e.config.Host, CertificateAuthorityData: e.config.CAData, CertificateAuthority: e.config.CAFile}
	if l.Gate != nil {
		cluster = &clientcmdapi.Cluster{Server: l.Gate.URL, CertificateAuthorityData: l.Gate.CA}
	}
	if l.Link != nil {
		cluster.Server = "https://" + l.Link.Address
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["here"], config.AuthInfos["server"] = cluster, &clientcmdapi.AuthInfo{Token: e.config.BearerToken}
	config.Contexts["here"], config.CurrentContext = &clientcmdapi.Context{Cluster: "here", AuthInfo: "server"}, "here"
	data, err := clientcmd.Write(*config)
	if err != nil {
		return "", fmt.Errorf("encode a kubeconfig: %w", err)
	}
	file := filepath.Join(e.dir, "kubeconfig")
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, data) {
		return file, nil
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return "", fmt.Errorf("write a kubeconfig: %w", err)
	}
	return file, nil
}

// ServerConfig is how the server reaches the API server, with its rights.
func (e *Environment) ServerConfig() *rest.Config { return rest.CopyConfig(e.config) }
