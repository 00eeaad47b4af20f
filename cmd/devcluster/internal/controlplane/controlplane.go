package controlplane

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

// Names of the processes.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
)

// Config is everything that the three programs need to know.
type Config struct {
	Layout layout.Layout
	// Programs is the folder of the compiled Kubernetes component.
	Programs  string
	Authority *pki.Authority
	// FrontProxy signs the API server's certificate for API servers behind it.
	FrontProxy *pki.Authority
	// Store signs the certificates by which etcd and the API server know each
	// other, so that nobody else on the machine reads the cluster's secrets.
	Store *pki.Authority
	// Host is where the API server listens; etcd and the controller manager
	// are always on loopback.
	Host          string
	APIServerPort int
	// Advertise makes the kubernetes Service lead to Host, which pods need and
	// which a loopback host can't.
	Advertise bool
	EtcdPort, EtcdPeerPort,
	ControllerManagerPort int
}

// URL is the API server's.
func (c Config) URL() string { return fmt.Sprintf("https://%s:%d", c.Host, c.APIServerPort) }

// Specs are the processes in the order in which they start.
func (c Config) Specs() []process.Spec {
	return []process.Spec{c.etcd(), c.apiServer(), c.controllerManager()}
}

func (c Config) etcd() process.Spec {
	client := "https://127.0.0.1:" + strconv.Itoa(c.EtcdPort)
	peer := "https://127.0.0.1:" + strconv.Itoa(c.EtcdPeerPort)
	return c.spec(Etcd,
		"--name=devcluster",
		"--data-dir="+c.Layout.File("etcd"),
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=devcluster="+peer,
		"--cert-file="+c.Store.CertFile("server"), "--key-file="+c.Store.KeyFile("server"),
		"--trusted-ca-file="+c.Store.CertFile("ca"), "--client-cert-auth",
		"--peer-cert-file="+c.Store.CertFile("server"), "--peer-key-file="+c.Store.KeyFile("server"),
		"--peer-trusted-ca-file="+c.Store.CertFile("ca"), "--peer-client-cert-auth",
		// A power cut may lose the cluster, which is made again in seconds; in
		// exchange a slow or busy disk doesn't slow every test down.
		"--unsafe-no-fsync",
		"--log-level=warn",
	)
}

func (c Config) apiServer() process.Spec {
	args := []string{
		"--etcd-servers=https://127.0.0.1:" + strconv.Itoa(c.EtcdPort),
		"--etcd-cafile=" + c.Store.CertFile("ca"),
		"--etcd-certfile=" + c.Store.CertFile("client"),
		"--etcd-keyfile=" + c.Store.KeyFile("client"),
		"--bind-address=" + c.Host,
		"--secure-port=" + strconv.Itoa(c.APIServerPort),
		"--service-cluster-ip-range=" + layout.ServiceNetwork,
		"--client-ca-file=" + c.Authority.CertFile("ca"),
		"--tls-cert-file=" + c.Authority.CertFile("apiserver"),
		"--tls-private-key-file=" + c.Authority.KeyFile("apiserver"),
		"--kubelet-client-certificate=" + c.Authority.CertFile("apiserver-kubelet-client"),
		"--kubelet-client-key=" + c.Authority.KeyFile("apiserver-kubelet-client"),
		"--kubelet-certificate-authority=" + c.Authority.CertFile("ca"),
		// The node's name is known to no resolver.
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + c.FrontProxy.CertFile("ca"),
		"--requestheader-allowed-names=" + frontProxyUser,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.FrontProxy.CertFile("client"),
		"--proxy-client-key-file=" + c.FrontProxy.KeyFile("client"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.Authority.CertFile("service-account"),
		"--service-account-signing-key-file=" + c.Authority.KeyFile("service-account"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--cert-dir=" + c.Layout.File("apiserver"),
	}
	if c.Advertise {
		args = append(args, "--advertise-address="+c.Host)
	} else {
		args = append(args, "--advertise-address="+c.Host, "--endpoint-reconciler-type=none")
	}
	return c.spec(APIServer, args...)
}

func (c Config) controllerManager() process.Spec {
	kubeconfig := c.Layout.File("pki", ControllerManager+".kubeconfig")
	return c.spec(ControllerManager,
		"--kubeconfig="+kubeconfig, "--authentication-kubeconfig="+kubeconfig, "--authorization-kubeconfig="+kubeconfig,
		"--bind-address=127.0.0.1",
		"--secure-port="+strconv.Itoa(c.ControllerManagerPort),
		"--tls-cert-file="+c.Authority.CertFile(ControllerManager),
		"--tls-private-key-file="+c.Authority.KeyFile(ControllerManager),
		"--client-ca-file="+c.Authority.CertFile("ca"),
		"--root-ca-file="+c.Authority.CertFile("ca"),
		"--cluster-signing-cert-file="+c.Authority.CertFile("ca"),
		"--cluster-signing-key-file="+c.Authority.KeyFile("ca"),
		"--service-account-private-key-file="+c.Authority.KeyFile("service-account"),
		"--use-service-account-credentials=true",
		"--service-cluster-ip-range="+layout.ServiceNetwork,
		// There is only one, and a lease left by a killed one would be waited for.
		"--leader-elect=false",
	)
}

func (c Config) spec(name string, args ...string) process.Spec {
	return process.Spec{
		Name: name, Path: filepath.Join(c.Programs, name), Args: args,
		Env: process.Environment(c.Layout.Run),
	}
}
