package cluster

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/kaniko"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// registryTTL is how long the digest of a tag is kept.
const registryTTL = 30 * time.Second

// Connection is everything needed to work on one cluster.
type Connection struct {
	Config   *rest.Config
	Client   client.Client
	Apply    *cluster.Cluster
	Live     *cluster.Live
	Registry *build.Registry
	Builder  build.Builder
	Push     build.Credentials
	// Namespaces makes and removes the namespaces of stages and builds.
	Namespaces *tenancy.NamespaceApplier
	// Hosts says which project uses which host.
	Hosts *Claims
}

// Clusters connects to the clusters of organizations. A connection is kept
// until the Cluster or a Secret that it names changes. It is safe for
// concurrent use; Close ends its watches.
type Clusters struct {
	Config  *rest.Config    // the control cluster
	Account tenancy.Subject // the service account that Slipway runs as
	Marker  *tenancy.Marker // of what Slipway makes there
	Secrets *kube.Secrets
	Builds  kaniko.Config
	// Dialer connects to registries, and to clusters by their kubeconfigs.
	Dialer *dial.Dialer
	Now    func() time.Time
	// Changed is called for every object of a stage that changed in a way that
	// matters; it must not block. It may be nil.
	Changed func(inventory.Drift)

	mu      sync.Mutex
	kept    map[types.NamespacedName]keptConnection
	watches apiWatches
}

type keptConnection struct {
	*Connection
	state       string // what the connection was made from
	credentials string // which watch it needs
}

// Connect returns the connection to a cluster.
func (c *Clusters) Connect(ctx context.Context, cluster *v1alpha1.Cluster) (*Connection, error) {
	secrets, err := c.secrets(ctx, cluster)
	if err != nil {
		return nil, err
	}
	key := client.ObjectKeyFromObject(cluster)
	state := fmt.Sprintf("%s/%d/%x", cluster.UID, cluster.Generation, secrets.fingerprint())
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept, found := c.kept[key]; found && kept.state == state {
		return kept.Connection, nil
	}
	made, err := c.connect(ctx, cluster, secrets)
	if err != nil {
		return nil, err
	}
	if c.kept == nil {
		c.kept = map[types.NamespacedName]keptConnection{}
	}
	c.kept[key] = keptConnection{made, state, credentialsKey(secrets.kubeconfig)}
	c.retain()
	return made, nil
}

// retain ends the watches that no kept connection needs; the caller holds the
// lock.
func (c *Clusters) retain() {
	needed := map[string]bool{}
	for _, kept := range c.kept {
		needed[kept.credentials] = true
	}
	c.watches.retain(needed)
}

// Forget drops the connection to a Cluster that is gone.
func (c *Clusters) Forget(cluster types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, cluster)
	c.retain()
}

// Close ends what is watched and waits for it.
func (c *Clusters) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watches.close()
}

// clusterSecrets are the values of the Secrets that a Cluster names.
type clusterSecrets struct{ kubeconfig, push []byte }

// fingerprint changes when a value does.
func (s clusterSecrets) fingerprint() [sha256.Size]byte {
	kubeconfig, push := sha256.Sum256(s.kubeconfig), sha256.Sum256(s.push)
	return sha256.Sum256(append(kubeconfig[:], push[:]...))
}

func (c *Clusters) secrets(ctx context.Context, cluster *v1alpha1.Cluster) (clusterSecrets, error) {
	var secrets clusterSecrets
	var err error
	if ref := cluster.Spec.Kubeconfig; ref != nil {
		if secrets.kubeconfig, err = c.Secrets.Value(ctx, cluster.Namespace, *ref, "kubeconfig"); err != nil {
			return clusterSecrets{}, err
		}
	}
	if ref := cluster.Spec.Registry.Credentials; ref != nil {
		if secrets.push, err = c.Secrets.Value(ctx, cluster.Namespace, *ref, ".dockerconfigjson"); err != nil {
			return clusterSecrets{}, err
		}
	}
	return secrets, nil
}

func (c *Clusters) connect(ctx context.Context, cluster *v1alpha1.Cluster, secrets clusterSecrets) (*Connection, error) {
	config, err := c.config(cluster, secrets.kubeconfig)
	if err != nil {
		return nil, err
	}
	watched, err := c.watches.open(ctx, credentialsKey(secrets.kubeconfig), config, c.Changed)
	if err != nil {
		return nil, err
	}
	made := &Connection{Config: config, Apply: watched.cluster, Live: watched.live}
	if made.Client, err = client.New(config, client.Options{}); err != nil {
		return nil, unasked(cluster, err)
	}
	made.Namespaces = tenancy.NewNamespaceApplier(made.Client, c.Marker, c.Now).Adopting(cluster.Spec.AdoptNamespaces)
	made.Hosts = NewClaims(made.Client, made.Namespaces, c.Marker, c.Account)
	if len(secrets.push) > 0 {
		if made.Push, err = build.ParseCredentials(secrets.push); err != nil {
			return nil, err
		}
	}
	if made.Registry, err = c.registry(cluster, made.Push); err != nil {
		return nil, err
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client of cluster %s: %w", cluster.Name, err)
	}
	made.Builder, err = kaniko.New(clientset, c.builds(cluster))
	if err != nil {
		return nil, err
	}
	return made, nil
}

// config returns how to reach the cluster's API.
func (c *Clusters) config(cluster *v1alpha1.Cluster, kubeconfig []byte) (*rest.Config, error) {
	if cluster.Spec.Kubeconfig == nil {
		return rest.CopyConfig(c.Config), nil
	}
	config, err := remoteConfig(kubeconfig)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the kubeconfig of cluster %s can't be used; it must hold a server, its CA and a token or client certificate, all inline", cluster.Name)
	}
	config.QPS = -1
	config.Timeout = 0
	config.WrapTransport = c.Config.WrapTransport
	if config, err = c.dialed(config); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the kubeconfig of cluster %s can't be used; its server or certificates are not valid", cluster.Name)
	}
	return config, nil
}

// dialed returns a configuration whose connections the dialer makes: whoever wrote the
// kubeconfig may name any address, and gets no credential there before it was accepted.
func (c *Clusters) dialed(config *rest.Config) (*rest.Config, error) {
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("read the server: %w", err)
	}
	certificates, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("read the certificates: %w", err)
	}
	dialed := rest.CopyConfig(config)
	dialed.Host = server.String()
	dialed.TLSClientConfig = rest.TLSClientConfig{} // it is the transport's
	dialed.Transport = c.Dialer.StreamTransport(certificates)
	return dialed, nil
}

// remoteConfig reads a kubeconfig. One that would run a program or read a
// file of the server is refused: it comes from outside.
func remoteConfig(kubeconfig []byte) (*rest.Config, error) {
	parsed, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("parse kubeconfig: %w", err)
	}
	for name, user := range parsed.AuthInfos {
		if user.Exec != nil || user.AuthProvider != nil || user.TokenFile != "" || user.ClientCertificate != "" || user.ClientKey != "" {
			return nil, fmt.Errorf("user %s names a program or a file", name)
		}
	}
	for name, server := range parsed.Clusters {
		if server.CertificateAuthority != "" || server.ProxyURL != "" {
			return nil, fmt.Errorf("cluster %s names a file or a proxy", name)
		}
	}
	return clientcmd.NewDefaultClientConfig(*parsed, &clientcmd.ConfigOverrides{}).ClientConfig()
}

func (c *Clusters) registry(cluster *v1alpha1.Cluster, credentials build.Credentials) (*build.Registry, error) {
	reach := build.Reach{Dialer: c.Dialer, Configured: configuredHosts(cluster), Insecure: insecureHosts(cluster)}
	return build.NewRegistry(build.Options{
		Insecure:    reach.Insecure,
		Mirrors:     cluster.Spec.Registry.Mirrors,
		Credentials: credentials,
		Transport:   reach.Transport(),
		Layers:      reach.LayerTransport(),
		TTL:         registryTTL,
		Now:         c.Now,
	})
}

func (c *Clusters) builds(cluster *v1alpha1.Cluster) kaniko.Config {
	config := c.Builds
	config.HostUsers = cluster.Spec.Policy.HostUsers
	config.Mirrors = cluster.Spec.Registry.Mirrors
	config.Insecure = insecureHosts(cluster)
	return config
}

// configuredHosts are the hosts that the platform team named as registries.
func configuredHosts(cluster *v1alpha1.Cluster) []string {
	var hosts []string
	for _, place := range slices.Concat([]string{cluster.Spec.Registry.Host}, cluster.Spec.Registry.Mirrors, cluster.Spec.Policy.Images) {
		host, _, _ := strings.Cut(place, "/")
		hosts = append(hosts, host)
	}
	return hosts
}

// insecureHosts are the hosts of a cluster's registry that may speak plain
// HTTP.
func insecureHosts(cluster *v1alpha1.Cluster) []string {
	if !cluster.Spec.Registry.Insecure {
		return nil
	}
	return append([]string{cluster.Spec.Registry.Host}, cluster.Spec.Registry.Mirrors...)
}
