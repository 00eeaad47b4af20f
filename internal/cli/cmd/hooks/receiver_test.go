package hooks

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/webhook"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func listenOn(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// receiverProjects gives the receiver the secrets of the project's Secret, as the
// server does.
type receiverProjects struct {
	w *hookFixture
	t *testing.T
}

func (d receiverProjects) Lookup(ctx context.Context, _, name string) (webhook.Target, error) {
	var p v1alpha1.Project
	if err := d.w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &p); err != nil {
		return webhook.Target{}, err
	}
	var secret corev1.Secret
	if err := d.w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "webhook"}, &secret); err != nil {
		return webhook.Target{}, err
	}
	valid := [][]byte{secret.Data["secret"]}
	if previous := secret.Data["previous"]; len(previous) > 0 {
		valid = append(valid, previous)
	}
	return webhook.Target{Project: &p, Secrets: valid}, nil
}

type receiverDeliveries struct{}

func (receiverDeliveries) Create(context.Context, *v1alpha1.Delivery) (bool, error) { return true, nil }
