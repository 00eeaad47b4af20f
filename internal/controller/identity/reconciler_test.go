package identity

import (
	"bytes"
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/seal"
	"github.com/slipway-dev/slipway/internal/target"
)

const namespace = "slipway-org-acme"

var shop = ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: "shop"}}

func newProject(change func(*v1alpha1.Project)) *v1alpha1.Project {
	p := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop", UID: "1"}}
	if change != nil {
		change(p)
	}
	return p
}

func secretOf(t *testing.T, c client.Client) *corev1.Secret {
	t.Helper()
	var secret corev1.Secret
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: naming.SealIdentity("shop")}, &secret); err != nil {
		t.Fatal(err)
	}
	return &secret
}

// A project gets an identity once, shows whom values are sealed for, and
// follows an identity that somebody rotated.
func TestIdentityIsMadeOnceAndFollowed(t *testing.T) {
	c := kubefake.New(t, newProject(nil))
	r := &Reconciler{Client: c}
	var first []byte
	for range 2 {
		result, err := r.Reconcile(t.Context(), shop)
		if err != nil || result.RequeueAfter != identityPoll {
			t.Fatalf("%v, %v", result, err)
		}
		secret := secretOf(t, c)
		if first != nil && !bytes.Equal(first, secret.Data[target.IdentityKey]) {
			t.Error("a second identity was made")
		}
		first = secret.Data[target.IdentityKey]
		if !metav1.IsControlledBy(secret, newProject(nil)) {
			t.Error("the Secret does not go with its project")
		}
	}
	rotated, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	secret := secretOf(t, c)
	secret.Data[target.IdentityKey] = append(rotated, first...)
	if err := c.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reconcile(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	var p v1alpha1.Project
	if err := c.Get(t.Context(), shop.NamespacedName, &p); err != nil {
		t.Fatal(err)
	}
	if want, err := seal.Recipient(rotated); err != nil || p.Status.Recipient != want {
		t.Errorf("values are sealed for %q, want %q (%v)", p.Status.Recipient, want, err)
	}
}

func TestIdentityIsRefused(t *testing.T) {
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: naming.SealIdentity("shop")}, Data: map[string][]byte{target.IdentityKey: []byte("AGE")}}
	broken := foreign.DeepCopy()
	broken.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(newProject(nil), v1alpha1.GroupVersion().WithKind("Project"))}
	refuse := interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return errors.New("no room")
	}}
	away := interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
		if _, is := o.(*corev1.Secret); is {
			return errors.New("no answer")
		}
		return c.Get(ctx, key, o, options...)
	}}
	tests := map[string]struct {
		calls   interceptor.Funcs
		objects []client.Object
		code    fault.Code // empty: nothing is wrong
	}{
		"another project's": {objects: []client.Object{newProject(nil), foreign}, code: fault.Conflict},
		"not an identity":   {objects: []client.Object{newProject(nil), broken}, code: fault.Invalid},
		"can't be written":  {calls: refuse, objects: []client.Object{newProject(nil)}, code: fault.Internal},
		"can't be read":     {calls: away, objects: []client.Object{newProject(nil)}, code: fault.Internal},
		"no project":        {},
		"the project goes": {objects: []client.Object{newProject(func(p *v1alpha1.Project) {
			p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: metav1.Now().Time}, []string{"test/stays"}
		})}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{Client: kubefake.Intercepted(t, tt.calls, tt.objects...)}
			if _, err := r.Reconcile(t.Context(), shop); err == nil && tt.code != "" || err != nil && fault.CodeOf(err) != tt.code {
				t.Errorf("%v, want the code %q", err, tt.code)
			}
		})
	}
}
