package pki

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	api "k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig makes a self-contained kubeconfig file for the subject at server,
// issuing the certificate of that name when there is none.
func (a *Authority) Kubeconfig(name string, subject Subject, server, path string) error {
	if err := a.Issue(name, subject); err != nil {
		return err
	}
	config, err := a.kubeconfig(name, server)
	if err != nil {
		return fmt.Errorf("make kubeconfig %s: %w", path, err)
	}
	raw, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig %s: %w", path, err)
	}
	next := path + ".next"
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

func (a *Authority) kubeconfig(name, server string) (*api.Config, error) {
	ca, err := os.ReadFile(a.CertFile("ca"))
	if err != nil {
		return nil, err
	}
	cert, err := os.ReadFile(a.CertFile(name))
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(a.KeyFile(name))
	if err != nil {
		return nil, err
	}
	const context = "devcluster"
	config := api.NewConfig()
	config.Clusters[context] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[name] = &api.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	config.Contexts[context] = &api.Context{Cluster: context, AuthInfo: name}
	config.CurrentContext = context
	return config, nil
}
