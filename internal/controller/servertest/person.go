package servertest

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Person returns a client with a person's Kubernetes identity, and binds one of
// the chart's roles for people to it in the organization's namespace.
func (e *Environment) Person(ctx context.Context, p *Project, username, role string) (client.Client, error) {
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: role + "-" + username},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: username}},
	}
	if err := e.Client.Create(ctx, binding); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("bind %s to %s: %w", role, username, err)
	}
	return e.clientOf(username)
}

// Slipway returns a client with the server's own identity.
func (e *Environment) Slipway() (client.Client, error) {
	return e.clientOf("system:serviceaccount:" + Namespace + ":" + account)
}

// clientOf returns a client of a user, with the rights that the user has.
func (e *Environment) clientOf(username string) (client.Client, error) {
	config := rest.CopyConfig(e.Plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: username}
	person, err := client.New(config, client.Options{Scheme: e.Client.Scheme()})
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", username, err)
	}
	return person, nil
}
