package control

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
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

// Connection says which control cluster a command speaks with, and which
// organization in it.
type Connection struct {
	kubeconfig   string
	context      string
	Organization string
}

// Flags adds the flags that name the control cluster and the organization.
func (c *Connection) Flags(command *cobra.Command) {
	c.ReachFlags(command)
	command.Flags().StringVarP(&c.Organization, "organization", "n", "", "the organization (default: the one whose namespace your context names, or all that you may see)")
}

// ReachFlags adds the flags that say how the control cluster is reached.
func (c *Connection) ReachFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&c.kubeconfig, "kubeconfig", "", "path of the kubeconfig (default: $KUBECONFIG, then ~/.kube/config)")
	flags.StringVar(&c.context, "context", "", "context of the kubeconfig")
}

// loader reads the kubeconfig.
func (c *Connection) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: c.context})
}

// Config returns how to reach the control cluster.
func (c *Connection) Config() (*rest.Config, error) {
	config, err := c.loader().ClientConfig()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "no control cluster to talk to: %v; give --kubeconfig or set KUBECONFIG", err)
	}
	config.QPS = -1
	return config, nil
}

// Client returns a client of the control cluster.
func (c *Connection) Client() (client.WithWatch, error) {
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	scheme, err := NewScheme()
	if err != nil {
		return nil, err
	}
	made, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, kube.AskFault("the control cluster "+config.Host, err)
	}
	return made, nil
}

// Scope returns the organization's namespace, empty for all of them.
func (c *Connection) Scope() string {
	if c.Organization != "" {
		return naming.OrganizationNamespace(c.Organization)
	}
	namespace, _, err := c.loader().Namespace()
	if _, isOrganization := naming.OrganizationOf(namespace); err == nil && isOrganization {
		return namespace
	}
	return ""
}

// Stage finds a stage by the names of its project and its own.
func (c *Connection) Stage(ctx context.Context, project, name string) (*operate.Stage, error) {
	made, err := c.Client()
	if err != nil {
		return nil, err
	}
	return c.StageWith(ctx, made, project, name)
}

// StageWith finds a stage with a client that was made before.
func (c *Connection) StageWith(ctx context.Context, made client.WithWatch, project, name string) (*operate.Stage, error) {
	found, err := operate.Stages{Client: made}.Find(ctx, c.Scope(), project, name)
	if errors.Is(err, operate.ErrAmbiguous) {
		return nil, exit.WrongUsage(fmt.Errorf("%s; say which with --organization", exit.MessageOf(err)))
	}
	return found, err
}

// NewScheme returns the types that a client of the control cluster knows.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register Kubernetes types: %w", err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register Slipway types: %w", err)
	}
	return scheme, nil
}

// ReportUnattended says that no server has taken up what was asked for.
func ReportUnattended(streams stream.Streams, name string) {
	fmt.Fprintf(streams.Err, "no server has taken %s up yet; is Slipway's server running?\n", name)
}
