package store

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/webhook"
)

// Projects finds projects and their webhook secrets for the receiver.
type Projects struct {
	Client  client.Reader // the watch cache
	Secrets *kube.Secrets
}

// Lookup implements webhook.Projects.
func (t *Projects) Lookup(ctx context.Context, organization, name string) (webhook.Target, error) {
	var p v1alpha1.Project
	key := client.ObjectKey{Namespace: naming.OrganizationNamespace(organization), Name: name}
	if err := t.Client.Get(ctx, key, &p); err != nil {
		if apierrors.IsNotFound(err) {
			return webhook.Target{}, fault.Wrap(fault.NotFound, err, "organization %s has no project %s", organization, name)
		}
		return webhook.Target{}, fault.Wrap(fault.Unavailable, err, "project %s/%s could not be read", organization, name)
	}
	secrets, err := t.secrets(ctx, &p)
	if err != nil {
		return webhook.Target{}, err
	}
	return webhook.Target{Project: &p, Secrets: secrets}, nil
}

// secrets returns the secret in force and, while rotating, the previous one.
func (t *Projects) secrets(ctx context.Context, p *v1alpha1.Project) ([][]byte, error) {
	current, err := t.Secrets.Value(ctx, p.Namespace, p.Spec.Webhook.Secret, "secret")
	if err != nil {
		return nil, err
	}
	valid := [][]byte{current}
	data, err := t.Secrets.Data(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Spec.Webhook.Secret.Name})
	if err == nil && len(data["previous"]) > 0 {
		valid = append(valid, data["previous"])
	}
	return valid, nil
}

// Prefetcher may read the refs that a delivery reports before it is durable.
type Prefetcher interface {
	// Delivered takes an authenticated delivery and does not block.
	Delivered(ctx context.Context, d *v1alpha1.Delivery)
}

// Deliveries makes deliveries durable.
type Deliveries struct {
	Client client.Client
	// Prefetcher learns of deliveries before they are durable.
	Prefetcher Prefetcher
	// Gate has the deliveries that are being made durable.
	Gate *queue.PriorityGate
}

// Create implements webhook.Deliveries.
func (s *Deliveries) Create(ctx context.Context, delivery *v1alpha1.Delivery) (bool, error) {
	name := client.ObjectKeyFromObject(delivery)
	s.Gate.Begin(name)
	defer s.Gate.End(name)
	s.Prefetcher.Delivered(ctx, delivery)
	err := s.Client.Create(ctx, delivery)
	if apierrors.IsAlreadyExists(err) {
		return s.retry(ctx, name)
	}
	if err != nil {
		return false, fault.Wrap(fault.Unavailable, err, "the delivery could not be kept; deliver it again")
	}
	return true, nil
}

// retry makes a delivery pending that failed and is delivered once more.
func (s *Deliveries) retry(ctx context.Context, key client.ObjectKey) (bool, error) {
	var kept v1alpha1.Delivery
	if err := s.Client.Get(ctx, key, &kept); err != nil {
		return false, fault.Wrap(fault.Unavailable, err, "the delivery could not be read; deliver it again")
	}
	if kept.Status.Phase != v1alpha1.DeliveryFailed {
		return false, nil
	}
	after := kept.DeepCopy()
	after.Status.Phase = v1alpha1.DeliveryPending
	if err := kube.PatchStatus(ctx, s.Client, &kept, after); err != nil {
		return false, fault.Wrap(fault.Unavailable, err, "the delivery could not be kept; deliver it again")
	}
	return true, nil
}
