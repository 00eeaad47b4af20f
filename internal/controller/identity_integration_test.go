//go:build integration

package controller_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/guard/guardtest"
)

// everything gives a user all rights in a namespace, so that admission alone decides.
func everything(t *testing.T, namespace, username string) {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "everything"}
	for _, object := range []client.Object{
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: username}},
		},
	} {
		if err := env.Client.Create(t.Context(), object); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
}

// TestIdentities tries what must be beyond each identity: of a tenant who may do
// everything in the organization's namespace, of the administrator of the cluster, and
// of the server itself. An empty sentence means that it may.
func TestIdentities(t *testing.T) {
	p := join(t, "identities", siteFiles(devStage, "hello"), nil)
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("pushed")})
	release := p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	everything(t, p.Namespace, "tenant-of-identities")
	tenant, err := env.Person(t.Context(), p.Project, "tenant-of-identities", "slipway-operator")
	if err != nil {
		t.Fatal(err)
	}
	slipway, err := env.Slipway()
	if err != nil {
		t.Fatal(err)
	}
	deliveries := p.deliveries()
	if len(deliveries) == 0 {
		t.Fatal("there is no delivery")
	}
	kept := deliveries[0]
	var stage v1alpha1.Stage
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: release.Spec.Stage}, &stage); err != nil {
		t.Fatal(err)
	}
	patch := func(change func(*v1alpha1.Delivery)) func(client.Client) error {
		return func(c client.Client) error {
			after := kept.DeepCopy()
			change(after)
			return c.Patch(t.Context(), after, client.MergeFrom(&kept), client.DryRunAll)
		}
	}
	delivery := func(c client.Client) error {
		made := &v1alpha1.Delivery{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "made"}, Spec: kept.Spec}
		return c.Create(t.Context(), made, client.DryRunAll)
	}
	status := func(c client.Client) error {
		after := kept.DeepCopy()
		after.Status.Message = "mine"
		return c.Status().Patch(t.Context(), after, client.MergeFrom(&kept), client.DryRunAll)
	}
	made := func(c client.Client) error {
		another := &v1alpha1.Stage{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "made"}, Spec: stage.Spec}
		return c.Create(t.Context(), another, client.DryRunAll)
	}
	acceptance := func(c client.Client) error {
		asked := &v1alpha1.Acceptance{
			ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "made"},
			Spec:       v1alpha1.AcceptanceSpec{Project: p.Name, File: kept.Spec.After, By: "owner"},
		}
		return c.Create(t.Context(), asked, client.DryRunAll)
	}
	pod := func(c client.Client) error {
		privileged, err := guardtest.Attempts()["privileged"].Pod()
		if err != nil {
			t.Fatal(err)
		}
		object := tenantPod(stage.Spec.Namespace, privileged)
		return c.Create(t.Context(), object, client.DryRunAll)
	}
	secret := func(c client.Client) error {
		var all corev1.SecretList
		return c.List(t.Context(), &all, client.InNamespace("kube-system"))
	}
	again := patch(func(d *v1alpha1.Delivery) { d.Annotations = map[string]string{v1alpha1.AnnotationReplay: "again"} })
	p.eventually("the tenant has the rights", func() error { return again(tenant) })
	const onlySlipway, asItCame, observed = "only Slipway makes deliveries", "immutable", "only Slipway writes what it observed"
	for name, tt := range map[string]struct {
		try                            func(client.Client) error
		tenant, administrator, slipway string
	}{
		"make a delivery":          {delivery, onlySlipway, onlySlipway, ""},
		"say who sent one":         {patch(func(d *v1alpha1.Delivery) { d.Spec.Actor = "owner" }), asItCame, asItCame, "immutable"},
		"say what it moved":        {patch(func(d *v1alpha1.Delivery) { d.Spec.After = "" }), asItCame, asItCame, "immutable"},
		"ask for one again":        {again, "", "", ""},
		"say what became of one":   {status, observed, observed, ""},
		"make a stage":             {made, "Slipway makes stages", "Slipway makes stages", ""},
		"accept in another's name": {acceptance, "spec.by must be who accepts", "spec.by must be who accepts", "forbidden"},
		"run a privileged pod":     {pod, "forbidden", "violates PodSecurity", "forbidden"},
		"read others' Secrets":     {secret, "forbidden", "", "forbidden"},
	} {
		for who, one := range map[string]struct {
			client.Client
			want string
		}{"a tenant": {tenant, tt.tenant}, "the administrator": {env.Client, tt.administrator}, "slipway": {slipway, tt.slipway}} {
			t.Run(name+"/"+who, func(t *testing.T) { refused(t, tt.try(one.Client), one.want) })
		}
	}
}
