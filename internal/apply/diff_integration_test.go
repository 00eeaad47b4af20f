//go:build integration

package apply

import (
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/diff"
)

// reader returns the identity of a person who may only read, and no Secrets.
func (s *stage) reader() *rest.Config {
	s.t.Helper()
	roles := plane.Client(s.t).RbacV1()
	_, err := roles.Roles(s.namespace).Create(s.t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"configmaps", "services", "persistentvolumeclaims", "serviceaccounts"}, Verbs: []string{"get"}},
			{APIGroups: []string{"apps", "batch", "autoscaling", "networking.k8s.io", rbacv1.GroupName}, Resources: []string{"deployments", "statefulsets", "jobs", "horizontalpodautoscalers", "ingresses", "roles", "rolebindings"}, Verbs: []string{"get"}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = roles.RoleBindings(s.namespace).Create(s.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "ann-" + s.namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	config := rest.CopyConfig(plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "ann-" + s.namespace}
	return config
}

func (s *stage) diff(config *rest.Config, all string) string {
	s.t.Helper()
	differences, err := diff.Compare(s.t.Context(), config, s.set(all))
	if err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	for _, d := range differences {
		out.WriteString(lines(d))
	}
	return out.String()
}

// lines returns a difference as lines that are easy to compare.
func lines(d diff.Difference) string {
	if d.Kind != diff.Changed {
		return d.Reason + "\n"
	}
	var out strings.Builder
	out.WriteString(d.Ref.String() + "\n")
	for _, field := range d.Fields {
		out.WriteString("  " + field.Path)
		if field.Manager != "" {
			out.WriteString(" (by " + field.Manager + ")")
		}
		out.WriteString("\n")
		if field.Have != "" {
			out.WriteString("  - " + field.Have + "\n")
		}
		if field.Want != "" {
			out.WriteString("  + " + field.Want + "\n")
		}
	}
	return out.String()
}

// What a real API server defaults, rewrites and adds is no difference.
func TestDiffOfAnAppliedSetIsEmpty(t *testing.T) {
	s := newStage(t)
	all := manifests(twelve("1")...)
	s.apply(all)
	if got := s.diff(plane.Config, all); got != "" {
		t.Errorf("differences:\n%s", got)
	}
	s.patch("deploy/web", "scale", `{"spec":{"replicas":4}}`) // as its autoscaler does
	s.patch("deploy/web", "", `{"metadata":{"annotations":{"theirs":"x"}},"spec":{"template":{"spec":{"containers":[{"name":"main","image":"registry.example/web:1"},{"name":"sidecar","image":"registry.example/sidecar:1"}]}}}}`)
	if got := s.diff(plane.Config, all); got != "" {
		t.Errorf("what belongs to others is shown:\n%s", got)
	}
}

func TestDiffShowsWhatDiffers(t *testing.T) {
	s := newStage(t)
	config := s.reader()
	documents := twelve("1")
	s.apply(manifests(append(documents, configMap("gone", "1"))...))
	s.patch("cm/settings", "", `{"data":{"key":"edited"}}`)
	s.patch("svc/web", "", `{"spec":{"sessionAffinity":"ClientIP"}}`)
	s.remove("cm/gone")
	s.other(configMap("foreign", "x"))
	s.patch("secret/keys", "", `{"data":{"token":"c3RvbGVu"}}`)
	documents[7] = deployment("web", "registry.example/web:2", -1)
	all := manifests(append(documents, configMap("gone", "1"), configMap("foreign", "y"))...)
	want := `ConfigMap foreign exists and was not made by Slipway
ConfigMap gone does not exist
ConfigMap settings
  data.key (by mallory)
  - "edited"
  + "1"
you may not read Secret keys; ask a member with more rights
Deployment web
  spec.template.spec.containers[main].image
  - "registry.example/web:1"
  + "registry.example/web:2"
`
	s.patiently("the reader's rights", func() error {
		_, err := diff.Compare(t.Context(), config, s.set(all))
		return err
	})
	if got := s.diff(config, all); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	got := s.diff(plane.Config, all)
	if !strings.Contains(got, "Secret keys\n  data.token (by mallory)\n  - (hidden)\n  + (hidden)\n") || strings.Contains(got, "c3RvbGVu") {
		t.Errorf("the Secret is shown as:\n%s", got)
	}
	documents[3] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {other: x}\n"
	if got := s.diff(plane.Config, manifests(documents[3])); !strings.Contains(got, "data.other\n  + \"x\"") {
		t.Errorf("a new field is shown as:\n%s", got)
	}
	s.apply(manifests(documents...))
	documents[3] = configMap("settings", "1")
	if got := s.diff(plane.Config, manifests(documents[3])); !strings.Contains(got, "data.other (by slipway)\n  - \"x\"\n") {
		t.Errorf("a field that is to go is shown as:\n%s", got)
	}
}
