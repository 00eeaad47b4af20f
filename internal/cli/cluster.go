package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

// cluster says which control cluster, and which organization in it, a command
// is about.
type cluster struct {
	kubeconfig   string
	context      string
	organization string
}

func (c *cluster) flags(command *cobra.Command) {
	c.reach(command)
	command.Flags().StringVarP(&c.organization, "organization", "n", "", "the organization (default: the one whose namespace your context names, or all that you may see)")
}

// reach adds the flags that say how the control cluster is reached.
func (c *cluster) reach(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&c.kubeconfig, "kubeconfig", "", "path of the kubeconfig (default: $KUBECONFIG, then ~/.kube/config)")
	flags.StringVar(&c.context, "context", "", "context of the kubeconfig")
}

// loader reads the kubeconfig.
func (c *cluster) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context})
}

// config returns how to reach the control cluster.
func (c *cluster) config() (*rest.Config, error) {
	config, err := c.loader().ClientConfig()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "no control cluster to talk to: %v; give --kubeconfig or set KUBECONFIG", err)
	}
	config.QPS = -1
	return config, nil
}

// client returns a client of the control cluster.
func (c *cluster) client() (client.WithWatch, error) {
	config, err := c.config()
	if err != nil {
		return nil, err
	}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	made, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the control cluster %s does not answer: %v", config.Host, err)
	}
	return made, nil
}

// scope returns the organization's namespace, empty for all of them.
func (c *cluster) scope() string {
	if c.organization != "" {
		return naming.OrganizationNamespace(c.organization)
	}
	namespace, _, err := c.loader().Namespace()
	if _, isOrganization := naming.OrganizationOf(namespace); err == nil && isOrganization {
		return namespace
	}
	return ""
}

// stage finds a stage by the names of its project and its own.
func (c *cluster) stage(ctx context.Context, project, name string) (*operate.Stage, error) {
	made, err := c.client()
	if err != nil {
		return nil, err
	}
	return c.stageWith(ctx, made, project, name)
}

// stageWith finds a stage with a client that was made before.
func (c *cluster) stageWith(ctx context.Context, made client.WithWatch, project, name string) (*operate.Stage, error) {
	found, err := operate.Stages{Client: made}.Find(ctx, c.scope(), project, name)
	if errors.Is(err, operate.ErrAmbiguous) {
		return nil, wrongUsage(fmt.Errorf("%s; say which with --organization", messageOf(err)))
	}
	return found, err
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register Kubernetes types: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register Slipway types: %w", err)
	}
	return scheme, nil
}

// unattended says that no server has taken up what was asked for.
func unattended(streams Streams, name string) {
	fmt.Fprintf(streams.Err, "nobody has taken %s up yet; does Slipway's server run?\n", name)
}
