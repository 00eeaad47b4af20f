//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// TestOrganizationsOwnTemplate uses a template that only the organization has,
// with a parameter that it fixed.
func TestOrganizationsOwnTemplate(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/banner", "1")
	if err != nil {
		t.Fatal(err)
	}
	p := join(t, "own-template", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	p.kubelet(p.stageNamespace("dev"))
	missing := p.push("main", "dev", map[string]string{"slipway.yaml": projectFile(devStage, "  sign: {template: banner}\n")})
	if message := p.reaches("dev", missing, v1alpha1.PhaseFailed).Status.Message; !strings.Contains(message, `there is no template "banner"`) {
		t.Errorf("the release says %q", message)
	}

	banner := "name: banner\ndescription: Says something\nparameters:\n  text: {type: string, description: What it says, default: hello, lockable: true}\n" +
		"service: {image: \"" + image + "\", env: {TEXT: \"${text}\"}}\n"
	kept := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "templates", Namespace: p.Namespace},
		Data:       map[string]string{"banner.yaml": banner, "README.md": "not a template"},
	}
	if err := env.Client.Create(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	change := func(spec v1alpha1.Templates) {
		t.Helper()
		var org v1alpha1.Organization
		if err := env.Client.Get(t.Context(), client.ObjectKey{Name: p.Organization}, &org); err != nil {
			t.Fatal(err)
		}
		before := org.DeepCopy()
		org.Spec.Templates = spec
		if err := env.Client.Patch(t.Context(), &org, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
	lock := v1alpha1.TemplateLock{Template: "banner", Parameter: "text", Value: apiextensionsv1.JSON{Raw: []byte(`"fixed"`)}}
	change(v1alpha1.Templates{ConfigMaps: []string{"templates"}, Locks: []v1alpha1.TemplateLock{lock}})
	p.condition(metav1.ConditionTrue, "")
	used := p.push("main", "dev", map[string]string{"README.md": "used"})
	p.reaches("dev", used, v1alpha1.PhaseSucceeded)
	var sign appsv1.Deployment
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: "sign"}, &sign); err != nil {
		t.Fatal(err)
	}
	if env := sign.Spec.Template.Spec.Containers[0].Env; len(env) != 1 || env[0].Value != "fixed" {
		t.Errorf("the environment is %v, want what the organization fixed", env)
	}
	chosen := p.push("main", "dev", map[string]string{"slipway.yaml": projectFile(devStage, "  sign: {template: banner, with: {text: mine}}\n")})
	if message := p.reaches("dev", chosen, v1alpha1.PhaseFailed).Status.Message; !strings.Contains(message, "the organization has fixed it at fixed") {
		t.Errorf("the release says %q", message)
	}
	change(v1alpha1.Templates{ConfigMaps: []string{"templates", "gone"}})
	p.condition(metav1.ConditionFalse, "ConfigMap "+p.Namespace+"/gone")
}

// condition waits until the organization says whether its templates are good.
func (p *team) condition(status metav1.ConditionStatus, words string) {
	p.t.Helper()
	p.eventually("the organization judges its templates", func() error {
		var org v1alpha1.Organization
		if err := env.Client.Get(p.t.Context(), client.ObjectKey{Name: p.Organization}, &org); err != nil {
			return err
		}
		found := meta.FindStatusCondition(org.Status.Conditions, v1alpha1.ConditionTemplates)
		if found == nil || found.Status != status || !strings.Contains(found.Message, words) {
			return fmt.Errorf("conditions %+v of %s", org.Status.Conditions, naming.OrganizationNamespace(org.Name))
		}
		return nil
	})
}
