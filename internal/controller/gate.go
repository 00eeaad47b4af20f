package controller

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/entrance"
)

// behindGate returns what says whether the gate stands in front of the previews of a
// project: it reaches those of its own cluster only.
func behindGate(c client.Reader, o Options) func(context.Context, *v1alpha1.Project) (bool, error) {
	return func(ctx context.Context, p *v1alpha1.Project) (bool, error) {
		if o.GateNamespace == "" {
			return false, nil
		}
		var cluster v1alpha1.Cluster
		if err := c.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Spec.Cluster}, &cluster); err != nil {
			return false, fmt.Errorf("read cluster %s of project %s: %w", p.Spec.Cluster, p.Name, err)
		}
		return cluster.Spec.Kubeconfig == nil, nil
	}
}

// newEntrances returns what tells the gate of previews.
func newEntrances(c client.Client, o Options, d *deps) *entrance.Reconciler {
	return entrance.New(entrance.Reconciler{
		Client: c, Namespace: o.GateNamespace, Key: d.shares, Now: o.Now,
		Targets: func(ctx context.Context, stage *v1alpha1.Stage) (entrance.Target, error) {
			return d.targets.Of(ctx, stage)
		},
	})
}
