package controlplane

import (
	"fmt"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
)

// admins is the group that Kubernetes lets do anything.
const admins = "system:masters"

// frontProxyUser is the API server's name at API servers behind it.
const frontProxyUser = "front-proxy-client"

// Issue makes the certificates and kubeconfigs of the control plane and of the
// cluster's administrator.
func (c Config) Issue() error {
	subjects := map[string]pki.Subject{
		"apiserver": {User: "kube-apiserver", Hosts: []string{
			c.Host, "127.0.0.1", "localhost", layout.KubernetesService,
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + layout.Domain,
		}},
		"apiserver-kubelet-client": {User: "kube-apiserver-kubelet-client", Groups: []string{admins}},
		// Only the key pair counts: it signs service accounts' tokens.
		"service-account": {User: "service-account"},
	}
	for name, subject := range subjects {
		if err := c.Authority.Issue(name, subject); err != nil {
			return err
		}
	}
	if err := c.FrontProxy.Issue("client", pki.Subject{User: frontProxyUser}); err != nil {
		return err
	}
	if err := c.Store.Issue("server", pki.Subject{User: Etcd, Hosts: []string{"127.0.0.1", "localhost"}}); err != nil {
		return err
	}
	if err := c.Store.Issue("client", pki.Subject{User: "kube-apiserver"}); err != nil {
		return err
	}
	if err := c.Authority.Kubeconfig("admin", pki.Subject{User: "kubernetes-admin", Groups: []string{admins}},
		c.URL(), c.Layout.Kubeconfig()); err != nil {
		return err
	}
	manager := pki.Subject{User: "system:" + ControllerManager, Hosts: []string{"127.0.0.1", "localhost"}}
	if err := c.Authority.Kubeconfig(ControllerManager, manager,
		c.URL(), c.Layout.File("pki", ControllerManager+".kubeconfig")); err != nil {
		return fmt.Errorf("prepare controller manager: %w", err)
	}
	return nil
}
