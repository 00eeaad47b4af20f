package target

import (
	"context"

	discoveryv1 "k8s.io/api/discovery/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Labels are those of everything that belongs to the stage.
func (s *Target) Labels() map[string]string { return s.tenant().Labels() }

// EnsureEndpoints makes EndpointSlices of the stage what they should be. They are in no
// inventory: they change when the gate's pods do, and go with the namespace.
func (s *Target) EnsureEndpoints(ctx context.Context, slices []discoveryv1.EndpointSlice) error {
	client, err := kubernetes.NewForConfig(stageConfig(s.connection, s.stage.Spec.Namespace))
	if err != nil {
		return fault.Wrap(fault.Internal, err, "make a client of namespace %s", s.stage.Spec.Namespace)
	}
	api := client.DiscoveryV1().EndpointSlices(s.stage.Spec.Namespace)
	for i := range slices {
		wanted := &slices[i]
		existing, err := api.Get(ctx, wanted.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			_, err = api.Create(ctx, wanted, metav1.CreateOptions{})
		case err == nil && !sameEndpoints(existing, wanted):
			wanted.ResourceVersion = existing.ResourceVersion
			_, err = api.Update(ctx, wanted, metav1.UpdateOptions{})
		}
		if err != nil {
			return fault.Wrap(fault.Unavailable, err, "EndpointSlice %s/%s could not be written: %v", wanted.Namespace, wanted.Name, err)
		}
	}
	return nil
}

// sameEndpoints reports whether an EndpointSlice leads where another does.
func sameEndpoints(a, b *discoveryv1.EndpointSlice) bool {
	return a.AddressType == b.AddressType && apiequality.Semantic.DeepEqual(a.Labels, b.Labels) &&
		apiequality.Semantic.DeepEqual(a.Endpoints, b.Endpoints) && apiequality.Semantic.DeepEqual(a.Ports, b.Ports)
}
