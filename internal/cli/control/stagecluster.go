package control

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/operate"
)

// StageCluster says how a stage's own cluster is reached, where that is another
// one than the control cluster.
type StageCluster struct {
	stageContext string
}

// Flags adds the flag that names the context of the stage's cluster.
func (p *StageCluster) Flags(command *cobra.Command) {
	command.Flags().StringVar(&p.stageContext, "stage-context", "", "context of the kubeconfig for the stage's cluster, where that is another one than the control cluster")
}

// Config returns how the user reaches the stage's cluster.
func (p *StageCluster) Config(ctx context.Context, c *Connection, stage *operate.Stage) (*rest.Config, error) {
	if p.stageContext != "" {
		there := Connection{kubeconfig: c.kubeconfig, context: p.stageContext}
		return there.Config()
	}
	made, err := c.Client()
	if err != nil {
		return nil, err
	}
	var project v1alpha1.Project
	if err := made.Get(ctx, client.ObjectKey{Namespace: stage.Object.Namespace, Name: stage.Object.Spec.Project}, &project); err != nil {
		return nil, operate.Explain(err, "read project %s", stage.Object.Spec.Project)
	}
	var on v1alpha1.Cluster
	if err := made.Get(ctx, client.ObjectKey{Namespace: stage.Object.Namespace, Name: project.Spec.Cluster}, &on); err != nil {
		return nil, operate.Explain(err, "read cluster %s", project.Spec.Cluster)
	}
	if on.Spec.Kubeconfig != nil {
		return nil, fault.New(fault.Invalid, "%s runs on cluster %s, which is another one than the control cluster; name your context for it with --stage-context", stage, on.Name)
	}
	return c.Config()
}
