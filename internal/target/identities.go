package target

import (
	"context"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
)

// IdentityKey is where a project's identities are in their Secret, the one in
// force first.
const IdentityKey = "identity"

// Identities opens what was sealed for a project.
type Identities struct{ secrets *kube.Secrets }

// Of returns a project's identities. They never leave the server.
func (i *Identities) Of(ctx context.Context, namespace, project string) ([]byte, error) {
	ref := v1alpha1.SecretKey{Name: naming.SealIdentity(project)}
	return i.secrets.Value(ctx, namespace, ref, IdentityKey)
}
