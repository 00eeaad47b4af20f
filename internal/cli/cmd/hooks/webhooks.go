package hooks

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/forges"
)

// previousSecret is the key of the secret that is valid beside the one in
// force, while rotating.
const previousSecret = "previous"

// webhooks keeps the hooks of projects.
type webhooks struct {
	client    client.Client
	forges    map[string]forges.Forge
	random    io.Reader
	namespace string // of the organization; empty for all
	url       string
	allowHTTP bool
	transport http.RoundTripper // to forges
}

// list returns all hooks of the project's repositories.
func (k *webhooks) list(ctx context.Context, name string) ([]hookRow, error) {
	p, err := k.project(ctx, name)
	if err != nil {
		return nil, err
	}
	return k.each(ctx, p, func(repository v1alpha1.Repository, hooks scm.Hooks) ([]hookRow, error) {
		found, err := hooks.ListHooks(ctx, repository.Path)
		var rows []hookRow
		for _, hook := range found {
			rows = append(rows, hookRow{ID: hook.ID, URL: hook.URL, Slipway: scm.SameHook(hook.URL, "x://x"+hookPath(p)), Active: hook.Active, Events: hook.Events})
		}
		return rows, err
	})
}

// sync makes each repository have one right hook.
func (k *webhooks) sync(ctx context.Context, name string) ([]hookRow, error) {
	p, err := k.project(ctx, name)
	if err != nil {
		return nil, err
	}
	secret, err := k.secret(ctx, p)
	if err != nil {
		return nil, err
	}
	return k.set(ctx, p, string(secret.Data[secretKey(p)]))
}

// set gives every hook the secret.
func (k *webhooks) set(ctx context.Context, p *v1alpha1.Project, secret string) ([]hookRow, error) {
	address, err := k.address(ctx, p)
	if err != nil {
		return nil, err
	}
	return k.each(ctx, p, func(repository v1alpha1.Repository, hooks scm.Hooks) ([]hookRow, error) {
		changes, err := scm.SyncHook(ctx, hooks, repository.Path, scm.Hook{URL: address, Secret: secret})
		var rows []hookRow
		for _, change := range changes {
			rows = append(rows, hookRow{ID: change.ID, URL: change.URL, Slipway: true, Active: change.Did != "removed", Did: change.Did, Why: change.Why})
		}
		return rows, err
	})
}

// rotate makes a new secret, waits until every server knows it, and gives it to
// the hooks. Until then they sign with the old one, which stays valid.
func (k *webhooks) rotate(ctx context.Context, name string, wait time.Duration) ([]hookRow, error) {
	p, err := k.project(ctx, name)
	if err != nil {
		return nil, err
	}
	secret, err := k.secret(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(secret.Data[previousSecret]) > 0 {
		// Some hooks may still sign with the previous secret, which goes now.
		if rows, err := k.set(ctx, p, string(secret.Data[secretKey(p)])); err != nil {
			return rows, err
		}
	}
	fresh, err := k.newSecret()
	if err != nil {
		return nil, err
	}
	secret.Data[previousSecret], secret.Data[secretKey(p)] = secret.Data[secretKey(p)], fresh
	if err := k.write(ctx, secret); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(wait):
	}
	return k.set(ctx, p, string(fresh))
}

// finish takes the previous secret away.
func (k *webhooks) finish(ctx context.Context, name string) error {
	p, err := k.project(ctx, name)
	if err != nil {
		return err
	}
	secret, err := k.secret(ctx, p)
	if err != nil || len(secret.Data[previousSecret]) == 0 {
		return err
	}
	delete(secret.Data, previousSecret)
	return k.write(ctx, secret)
}

// project finds a project by its name, in the organization or in any.
func (k *webhooks) project(ctx context.Context, name string) (*v1alpha1.Project, error) {
	var all v1alpha1.ProjectList
	if err := operate.List(ctx, k.client, &all, k.namespace); err != nil {
		return nil, err
	}
	var found []*v1alpha1.Project
	for i := range all.Items {
		if all.Items[i].Name == name {
			found = append(found, &all.Items[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, fault.New(fault.NotFound, "there is no project %.60q; `slipway get projects` lists them", name)
	case 1:
		return found[0], nil
	}
	return nil, fault.New(fault.Conflict, "%d organizations have a project %s; name one with --organization", len(found), name)
}

// each calls fn for every repository that Slipway has credentials for, and
// says so of the others. One that fails doesn't stop the rest.
func (k *webhooks) each(ctx context.Context, p *v1alpha1.Project, fn func(v1alpha1.Repository, scm.Hooks) ([]hookRow, error)) ([]hookRow, error) {
	var rows []hookRow
	var failed error
	for _, repository := range p.Spec.Repositories {
		hooks, err := k.hooks(ctx, p, repository)
		var made []hookRow
		switch {
		case err != nil:
		case hooks == nil:
			made = []hookRow{{Did: "skipped", Why: "no token; set the hook by hand, with the secret in Secret " + p.Spec.Webhook.Secret.Name}}
		default:
			made, err = fn(repository, hooks)
		}
		if err != nil {
			failed = also(failed, fault.Wrap(fault.CodeOf(err), err, "repository %s: %s", repository.Path, exit.MessageOf(err)))
		}
		for _, row := range made {
			row.Repository, row.Forge = repository.Path, repository.Forge
			rows = append(rows, row)
		}
	}
	return rows, failed
}

// also adds an error to those before, with all their messages.
func also(before, next error) error {
	if before == nil {
		return next
	}
	return fault.Wrap(fault.CodeOf(before), errors.Join(before, next), "%s\n%s", exit.MessageOf(before), exit.MessageOf(next))
}

// hooks speaks with a repository's forge; nil when there is nothing to speak
// with.
func (k *webhooks) hooks(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (scm.Hooks, error) {
	if repository.Credentials == nil {
		return nil, nil
	}
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: p.Namespace, Name: repository.Credentials.Name}
	if err := k.client.Get(ctx, key, &secret); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "Secret %s with its credentials could not be read; does it exist, and may you read it?", key)
	}
	access, err := scm.Access{API: repository.API, AllowHTTP: k.allowHTTP, Transport: k.transport}.With(secret.Data)
	if err != nil || (access.Token == "" && access.App == nil) {
		return nil, err
	}
	forge, known := k.forges[repository.Forge]
	if !known {
		return nil, fault.New(fault.Invalid, "forge %q is not known", repository.Forge)
	}
	reporter, err := forge.Report(access)
	if err != nil {
		return nil, err
	}
	hooks, keeps := reporter.(scm.Hooks)
	if !keeps {
		return nil, fault.New(fault.Invalid, "forge %s has no hooks that Slipway could set", repository.Forge)
	}
	return hooks, nil
}

// address returns where the project's deliveries go: at the address that was
// given, or where a hook of the project already leads.
func (k *webhooks) address(ctx context.Context, p *v1alpha1.Project) (string, error) {
	if k.url != "" {
		return strings.TrimSuffix(k.url, "/") + hookPath(p), nil
	}
	rows, err := k.list(ctx, p.Name)
	for _, row := range rows {
		if row.Slipway {
			return row.URL, nil
		}
	}
	if err != nil {
		return "", err
	}
	return "", exit.WrongUsage(errors.New("no repository has a hook of Slipway yet; say where forges reach it, with --url https://…"))
}

// hookPath is the path of a project at the receiver.
func hookPath(p *v1alpha1.Project) string {
	organization, _ := naming.OrganizationOf(p.Namespace)
	return "/hooks/" + organization + "/" + p.Name
}

// secretKey is the key of the secret in force.
func secretKey(p *v1alpha1.Project) string {
	if p.Spec.Webhook.Secret.Key != "" {
		return p.Spec.Webhook.Secret.Key
	}
	return "secret"
}

// secret returns the Secret with the project's webhook secret; one that is
// missing, or has no value, is made.
func (k *webhooks) secret(ctx context.Context, p *v1alpha1.Project) (*corev1.Secret, error) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Spec.Webhook.Secret.Name}}
	err := k.client.Get(ctx, client.ObjectKeyFromObject(secret), secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fault.Wrap(fault.Unavailable, err, "Secret %s/%s could not be read: %v", secret.Namespace, secret.Name, err)
	}
	if len(secret.Data[secretKey(p)]) > 0 {
		return secret, nil
	}
	fresh, failed := k.newSecret()
	if failed != nil {
		return nil, failed
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	secret.Data[secretKey(p)] = fresh
	if err == nil {
		return secret, k.write(ctx, secret)
	}
	if err := k.client.Create(ctx, secret); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "Secret %s/%s could not be made: %v", secret.Namespace, secret.Name, err)
	}
	return secret, nil
}

// write replaces a Secret, unless somebody else did since it was read.
func (k *webhooks) write(ctx context.Context, secret *corev1.Secret) error {
	err := k.client.Update(ctx, secret)
	if apierrors.IsConflict(err) {
		return fault.Wrap(fault.Conflict, err, "Secret %s/%s was changed by somebody else meanwhile; look, and try again", secret.Namespace, secret.Name)
	}
	return fault.Wrap(fault.Unavailable, err, "Secret %s/%s could not be written: %v", secret.Namespace, secret.Name, err)
}

func (k *webhooks) newSecret() ([]byte, error) {
	random := make([]byte, 32)
	if _, err := io.ReadFull(k.random, random); err != nil {
		return nil, fmt.Errorf("make a secret: %w", err)
	}
	return []byte(hex.EncodeToString(random)), nil
}
