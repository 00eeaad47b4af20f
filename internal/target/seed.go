package target

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// seedKey is where a project's seed is in its Secret.
const seedKey = "seed"

// seedBytes is how long a seed is.
const seedBytes = 32

// seed returns what the generated values of a stage's charts are derived from. The
// project's, which is made once, never leaves the server; each stage has one of
// its own, which stays when the stage is made anew.
func (s *Targets) seed(ctx context.Context, stage *v1alpha1.Stage, p *v1alpha1.Project) ([]byte, error) {
	project, err := s.projectSeed(ctx, p)
	if err != nil {
		return nil, err
	}
	hash := hmac.New(sha256.New, project)
	hash.Write([]byte("stage " + stage.Spec.Name))
	return hash.Sum(nil), nil
}

// projectSeed reads the project's seed, or makes it.
func (s *Targets) projectSeed(ctx context.Context, p *v1alpha1.Project) ([]byte, error) {
	ref := v1alpha1.SecretKey{Name: naming.ChartSeed(p.Name)}
	seed, err := s.clusters.Secrets.Value(ctx, p.Namespace, ref, seedKey)
	if fault.CodeOf(err) != fault.NotFound {
		return seed, err
	}
	seed = make([]byte, seedBytes)
	if _, err := rand.Read(seed); err != nil {
		return nil, fmt.Errorf("make the seed of project %s: %w", p.Name, err)
	}
	organization, _ := naming.OrganizationOf(p.Namespace)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: ref.Name, Namespace: p.Namespace, Labels: map[string]string{
			naming.LabelManagedBy: naming.ManagedBy, naming.LabelOrganization: naming.LabelValue(organization), naming.LabelProject: p.Name,
		}},
		Data: map[string][]byte{seedKey: seed},
	}
	if err := controllerutil.SetControllerReference(p, secret, s.client.Scheme(), controllerutil.WithBlockOwnerDeletion(false)); err != nil {
		return nil, fmt.Errorf("own Secret %s: %w", ref.Name, err)
	}
	err = s.client.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		return nil, fault.Wrap(fault.Unavailable, err, "the seed of project %s is being made; it is tried again", p.Name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the seed of project %s, which its charts' generated values are derived from, could not be made", p.Name)
	}
	return seed, nil
}
