package servertest

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// clusterName is the Cluster that the projects are placed on.
const clusterName = "here"

// WebhookSecret is what every project's deliveries are signed with.
const WebhookSecret = "secret-of-the-webhook"

// Organization makes an organization with one cluster: the one that the
// server runs on.
func (e *Environment) Organization(ctx context.Context, name string) error {
	if err := e.Client.Create(ctx, &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return fmt.Errorf("make organization %s: %w", name, err)
	}
	for {
		var made v1alpha1.Organization
		if err := e.Client.Get(ctx, client.ObjectKey{Name: name}, &made); err != nil {
			return fmt.Errorf("wait for organization %s: %w", name, err)
		}
		if meta.IsStatusConditionTrue(made.Status.Conditions, v1alpha1.ConditionReady) {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for organization %s: %w: %v", name, ctx.Err(), made.Status.Conditions)
		case <-time.After(20 * time.Millisecond):
		}
	}
	cluster := &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: clusterName, Namespace: naming.OrganizationNamespace(name)},
		Spec:       v1alpha1.ClusterSpec{Registry: v1alpha1.Registry{Host: e.Registry, Insecure: true, Shared: []string{"acme"}}},
	}
	if err := e.Client.Create(ctx, cluster); err != nil {
		return fmt.Errorf("make cluster %s: %w", clusterName, err)
	}
	return nil
}

// Project is a project with one repository at the forge, whose hook is set.
type Project struct {
	Organization string
	Name         string
	Namespace    string // the organization's
	Path         string // of the repository at the forge
	// Change may alter the Project before it is made; nil leaves it.
	Change func(*v1alpha1.Project)
}

// Register makes a project whose repository begins with files on main. What
// the server does about it begins here.
func (e *Environment) Register(ctx context.Context, p *Project, files map[string]string) error {
	p.Path = "acme/" + p.Organization + "-" + p.Name
	if err := e.Forge.CreateRepository(p.Path); err != nil {
		return err
	}
	if _, err := e.Forge.Push(p.Path, "main", files, "first", "owner"); err != nil {
		return err
	}
	if _, err := e.Forge.SetHook(p.Path, e.Hook(p.Organization, p.Name), WebhookSecret, "push"); err != nil {
		return err
	}
	repository := v1alpha1.Repository{Name: "main", Forge: "github", Path: p.Path, URL: e.Forge.CloneURL(p.Path), API: e.Forge.APIURL()}
	return e.Enroll(ctx, p, repository, ForgeToken)
}

// Enroll makes a project of a repository that is there, with a token for its
// forge. What the server does about it begins here.
func (e *Environment) Enroll(ctx context.Context, p *Project, repository v1alpha1.Repository, token string) error {
	p.Namespace, p.Path = naming.OrganizationNamespace(p.Organization), repository.Path
	for name, data := range map[string]map[string]string{
		p.Name + "-forge":   {"token": token},
		p.Name + "-webhook": {"secret": WebhookSecret},
	} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.Namespace}, StringData: data}
		if err := e.Client.Create(ctx, secret); err != nil {
			return fmt.Errorf("make Secret %s: %w", name, err)
		}
	}
	repository.Credentials = &v1alpha1.SecretKey{Name: p.Name + "-forge"}
	made := &v1alpha1.Project{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace},
		Spec: v1alpha1.ProjectSpec{
			Cluster: clusterName, Repositories: []v1alpha1.Repository{repository},
			Webhook: v1alpha1.Webhook{Secret: v1alpha1.SecretKey{Name: p.Name + "-webhook"}}, Hosts: []string{"*.example"},
		},
	}
	if p.Change != nil {
		p.Change(made)
	}
	if err := e.Client.Create(ctx, made); err != nil {
		return fmt.Errorf("make project %s: %w", p.Name, err)
	}
	return nil
}

// Releases returns the releases of a stage, in the order of their numbers.
func (e *Environment) Releases(ctx context.Context, p *Project, stage string) ([]v1alpha1.Release, error) {
	var all v1alpha1.ReleaseList
	if err := e.Client.List(ctx, &all, client.InNamespace(p.Namespace)); err != nil {
		return nil, fmt.Errorf("list releases: %w", err)
	}
	of := make([]v1alpha1.Release, 0, len(all.Items))
	for _, release := range all.Items {
		if release.Spec.Stage == naming.StageObject(p.Name, stage) {
			at := len(of)
			for at > 0 && of[at-1].Spec.Sequence > release.Spec.Sequence {
				at--
			}
			of = append(of[:at], append([]v1alpha1.Release{release}, of[at:]...)...)
		}
	}
	return of, nil
}
