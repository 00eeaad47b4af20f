//go:build integration

package controller_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
)

// may asks whether an account may do something in a namespace, everywhere when
// it is empty.
func may(t *testing.T, account, namespace, verb, group, resource string) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               account,
		Groups:             []string{"system:serviceaccounts", "system:authenticated"},
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Group: group, Resource: resource},
	}}
	if err := env.Client.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}

// A stage's namespace holds what keeps it apart, made with the rights that the
// chart gives; the stage's own account can change none of it.
func TestStageIsKeptApart(t *testing.T) {
	p := join(t, "apart", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	in := p.stageNamespace("dev")
	var namespace corev1.Namespace
	if err := env.Client.Get(t.Context(), client.ObjectKey{Name: in}, &namespace); err != nil || namespace.Labels["pod-security.kubernetes.io/enforce"] != "baseline" || namespace.Labels[naming.LabelPodSecurity] != "contained" {
		t.Errorf("the namespace: %v %v", err, namespace.Labels)
	}
	for _, list := range []client.ObjectList{&corev1.ResourceQuotaList{}, &corev1.LimitRangeList{}, &networkingv1.NetworkPolicyList{}, &rbacv1.RoleBindingList{}} {
		if err := env.Client.List(t.Context(), list, client.InNamespace(in), client.MatchingLabels{"app.kubernetes.io/managed-by": "slipway"}); err != nil {
			t.Fatal(err)
		}
		if empty := len(items(t, list)) == 0; empty {
			t.Errorf("the namespace has no %T", list)
		}
	}
	stage := "system:serviceaccount:" + in + ":slipway-stage"
	for name, ask := range map[string]struct {
		namespace, verb, group, resource string
		want                             bool
	}{
		"its workloads":             {in, "patch", "apps", "deployments", true},
		"its Secrets":               {in, "patch", "", "secrets", true},
		"to watch its Secrets":      {in, "watch", "", "secrets", true},
		"its quota":                 {in, "patch", "", "resourcequotas", false},
		"its walls":                 {in, "delete", "networking.k8s.io", "networkpolicies", false},
		"its rights":                {in, "create", "rbac.authorization.k8s.io", "rolebindings", false},
		"another's workloads":       {"default", "patch", "apps", "deployments", false},
		"the organization's":        {p.Namespace, "get", "", "secrets", false},
		"all Secrets":               {"", "list", "", "secrets", false},
		"to enter pods":             {in, "create", "", "pods/exec", false},
		"the inventory of a stage":  {p.Namespace, "patch", "", "configmaps", false},
		"tokens of service account": {in, "create", "", "serviceaccounts/token", false},
	} {
		if got := may(t, stage, ask.namespace, ask.verb, ask.group, ask.resource); got != ask.want {
			t.Errorf("%s: the stage's account may: %v, want %v", name, got, ask.want)
		}
	}
	self := "system:serviceaccount:" + servertest.Namespace + ":slipway"
	for _, watched := range []string{"/configmaps", "/services", "/serviceaccounts", "/persistentvolumeclaims", "apps/deployments", "apps/statefulsets", "batch/jobs", "batch/cronjobs",
		"networking.k8s.io/ingresses", "gateway.networking.k8s.io/httproutes", "autoscaling/horizontalpodautoscalers", "policy/poddisruptionbudgets"} {
		group, resource, _ := strings.Cut(watched, "/")
		if !may(t, self, "", "watch", group, resource) || !may(t, self, "", "list", group, resource) {
			t.Errorf("the server may not watch %s for drift", watched)
		}
		if may(t, self, in, "patch", group, resource) && resource != "serviceaccounts" {
			t.Errorf("the server may write %s itself", watched)
		}
	}
	if may(t, self, "", "list", "", "secrets") || may(t, self, in, "get", "", "secrets") {
		t.Error("the server may read stages' Secrets")
	}
}

func items(t *testing.T, list client.ObjectList) []string {
	t.Helper()
	switch list := list.(type) {
	case *corev1.ResourceQuotaList:
		return make([]string, len(list.Items))
	case *corev1.LimitRangeList:
		return make([]string, len(list.Items))
	case *networkingv1.NetworkPolicyList:
		return make([]string, len(list.Items))
	case *rbacv1.RoleBindingList:
		return make([]string, len(list.Items))
	}
	t.Fatalf("unknown list %T", list)
	return nil
}

// No rule of the chart means everything.
func TestChartGrantsNoWildcard(t *testing.T) {
	manifests, err := servertest.Roles()
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096)
	rules := 0
	for {
		var role struct {
			metav1.TypeMeta   `json:",inline"`
			metav1.ObjectMeta `json:"metadata"`
			Rules             []rbacv1.PolicyRule `json:"rules"`
		}
		err := decoder.Decode(&role)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			rules++
			for _, list := range [][]string{rule.Verbs, rule.Resources, rule.APIGroups} {
				if slices.Contains(list, "*") {
					t.Errorf("%s %s: %+v", role.Kind, role.Name, rule)
				}
			}
		}
	}
	if rules < 20 {
		t.Errorf("only %d rules were looked at", rules)
	}
}
