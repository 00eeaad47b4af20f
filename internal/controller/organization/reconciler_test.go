package organization

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

var acme = ctrl.Request{NamespacedName: client.ObjectKey{Name: "acme"}}

func newOrganization(change func(*v1alpha1.Organization)) *v1alpha1.Organization {
	o := &v1alpha1.Organization{ObjectMeta: metav1.ObjectMeta{Name: "acme", Generation: 3}}
	if change != nil {
		change(o)
	}
	return o
}

// An organization gets its namespace, and shows whether its own templates can
// be used.
func TestReconcile(t *testing.T) {
	refuse := interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return errors.New("no room")
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, options ...client.PatchOption) error {
			return errors.New("no room")
		},
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			return errors.New("no room")
		},
	}
	own := func(o *v1alpha1.Organization) { o.Spec.Templates.ConfigMaps = []string{"templates"} }
	locked := func(o *v1alpha1.Organization) {
		o.Spec.Templates.Locks = []v1alpha1.TemplateLock{{Template: "nothing", Parameter: "version", Value: apiextensionsv1.JSON{Raw: []byte(`"16"`)}}}
	}
	templates := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "templates"}, Data: map[string]string{"readme.md": "ours"}}
	tests := map[string]struct {
		calls     interceptor.Funcs
		objects   []client.Object
		ready     metav1.ConditionStatus
		templates string // reason; empty for no condition
		wantErr   bool
	}{
		"namespace":          {objects: []client.Object{newOrganization(nil)}, ready: metav1.ConditionTrue},
		"no namespace":       {calls: refuse, objects: []client.Object{newOrganization(nil)}, ready: metav1.ConditionFalse, wantErr: true},
		"good templates":     {objects: []client.Object{newOrganization(own), templates}, ready: metav1.ConditionTrue, templates: "Valid"},
		"templates are gone": {objects: []client.Object{newOrganization(own)}, ready: metav1.ConditionTrue, templates: "NotFound"},
		"a lock of nothing":  {objects: []client.Object{newOrganization(locked)}, ready: metav1.ConditionTrue, templates: "Invalid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := kubefake.Intercepted(t, tt.calls, tt.objects...)
			marker, err := tenancy.NewMarker(make([]byte, 32), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			r := &Reconciler{Client: c, Namespaces: tenancy.NewNamespaceApplier(c, marker, time.Now), Self: tenancy.Subject{Namespace: "slipway-system", Name: "slipway"}}
			result, err := r.Reconcile(t.Context(), acme)
			if (err != nil) != tt.wantErr || err == nil && result.RequeueAfter != templatesPoll {
				t.Fatalf("%v, %v", result, err)
			}
			var org v1alpha1.Organization
			if err := c.Get(t.Context(), acme.NamespacedName, &org); err != nil {
				t.Fatal(err)
			}
			if !meta.IsStatusConditionPresentAndEqual(org.Status.Conditions, v1alpha1.ConditionReady, tt.ready) || org.Status.ObservedGeneration != 3 {
				t.Errorf("the status is %+v", org.Status)
			}
			reason := ""
			if condition := meta.FindStatusCondition(org.Status.Conditions, v1alpha1.ConditionTemplates); condition != nil {
				reason = condition.Reason
			}
			if reason != tt.templates {
				t.Errorf("templates are %q, want %q", reason, tt.templates)
			}
		})
	}
}

func TestNothingToDo(t *testing.T) {
	going := newOrganization(func(o *v1alpha1.Organization) {
		o.DeletionTimestamp, o.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"test/stays"}
	})
	for name, objects := range map[string][]client.Object{"it is gone": nil, "it goes": {going}} {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{Client: kubefake.New(t, objects...)} // without an applier it could make no namespace
			if result, err := r.Reconcile(t.Context(), acme); err != nil || result != (ctrl.Result{}) {
				t.Errorf("%v, %v", result, err)
			}
		})
	}
}
