package release_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/release"
)

func TestCheckNodes(t *testing.T) {
	condition := func(status metav1.ConditionStatus, reason string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionUserNamespaces, Status: status, Reason: reason, Message: "no node has user namespaces (a)"}}
	}
	none := condition(metav1.ConditionFalse, v1alpha1.ReasonNoUserNamespaces)
	for name, tt := range map[string]struct {
		cluster    v1alpha1.ClusterPolicy
		project    v1alpha1.ProjectPolicy
		conditions []metav1.Condition
		refused    bool
	}{
		"nobody knows":                {conditions: nil},
		"nodes have them":             {conditions: condition(metav1.ConditionTrue, "AllNodes")},
		"some nodes have them":        {conditions: condition(metav1.ConditionFalse, "SomeNodes")},
		"no node has them":            {conditions: none, refused: true},
		"said to be contained":        {cluster: v1alpha1.ClusterPolicy{PodSecurity: v1alpha1.PodSecurityContained}, conditions: none, refused: true},
		"the cluster is restricted":   {cluster: v1alpha1.ClusterPolicy{PodSecurity: v1alpha1.PodSecurityRestricted}, conditions: none},
		"the project is restricted":   {project: v1alpha1.ProjectPolicy{PodSecurity: v1alpha1.PodSecurityRestricted}, conditions: none},
		"the cluster does without":    {cluster: v1alpha1.ClusterPolicy{HostUsers: true}, conditions: none},
		"the project is contained":    {cluster: v1alpha1.ClusterPolicy{PodSecurity: v1alpha1.PodSecurityBaseline}, project: v1alpha1.ProjectPolicy{PodSecurity: v1alpha1.PodSecurityContained}, conditions: none, refused: true},
		"contained, but does without": {cluster: v1alpha1.ClusterPolicy{HostUsers: true}, project: v1alpha1.ProjectPolicy{PodSecurity: v1alpha1.PodSecurityContained}, conditions: none},
	} {
		t.Run(name, func(t *testing.T) {
			err := release.CheckNodes(release.Inputs{
				Project: &v1alpha1.Project{Spec: v1alpha1.ProjectSpec{Policy: tt.project}},
				Cluster: &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "far"}, Spec: v1alpha1.ClusterSpec{Policy: tt.cluster}, Status: v1alpha1.ClusterStatus{Conditions: tt.conditions}},
				Stage:   &v1alpha1.Stage{},
			})
			var failure *release.Failure
			if errors.As(err, &failure) != tt.refused {
				t.Fatalf("got %v", err)
			}
			if tt.refused && !strings.Contains(failure.Message, "cluster far can't run pods of the level contained: no node has user namespaces (a)") {
				t.Errorf("the failure says %q", failure.Message)
			}
		})
	}
}

// Hosts of Slipway itself are refused wherever the route comes from, also where the
// platform team gave the project a wildcard around them.
func TestHostsOfSlipway(t *testing.T) {
	inputs := release.Inputs{
		Organization: "acme", OwnHosts: []string{"slipway.example", "*.slipway.example"},
		Project: &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: "shop"}, Spec: v1alpha1.ProjectSpec{Hosts: []string{"*.example"}}},
		Cluster: &v1alpha1.Cluster{Spec: v1alpha1.ClusterSpec{Ingress: v1alpha1.Ingress{Reserved: []string{"kept.example"}}}},
		Stage:   &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Name: "dev", Namespace: "sw-acme-shop-dev"}},
	}
	route := func(host string) map[string]string {
		return map[string]string{
			"Ingress":      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\nspec: {rules: [{host: " + host + "}]}\n",
			"Ingress, TLS": "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\nspec: {rules: [{host: shop.example}], tls: [{hosts: [" + host + "]}]}\n",
			"HTTPRoute":    "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: x}\nspec: {hostnames: [" + host + "]}\n",
		}
	}
	for host, refused := range map[string]bool{"slipway.example": true, "hooks.slipway.example": true, "kept.example": true, "shop.example": false} {
		for kind, manifest := range route(host) {
			findings, err := guard.Check([]byte(manifest), release.PolicyOf(inputs))
			if err != nil {
				t.Fatal(err)
			}
			is := slices.ContainsFunc(findings, func(f guard.Finding) bool { return f.Rule == guard.RuleHostOwner })
			if is != refused {
				t.Errorf("%s of %s: refused %t, want %t", host, kind, is, refused)
			}
		}
	}
}

// Images of a fork are its own preview's, and of nobody else; it may use those of the
// project's own commits, also where images are limited to some registries.
func TestImagesOfForksArePolicy(t *testing.T) {
	const own = "registry.example/slipway/acme/shop"
	digest := "@sha256:" + strings.Repeat("0", 64)
	policy := func(fork bool, class string) guard.Policy {
		inputs := release.Inputs{
			Organization: "acme", Project: &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, Stage: &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Fork: fork}},
			Cluster: &v1alpha1.Cluster{Spec: v1alpha1.ClusterSpec{
				Registry: v1alpha1.Registry{Host: "registry.example", Prefix: "slipway"},
				Policy:   v1alpha1.ClusterPolicy{Images: []string{"docker.io"}, Allow: []v1alpha1.Permission{v1alpha1.PermissionServiceTokens}, PriorityClasses: []string{"high"}, RuntimeClasses: []string{"kata"}},
			}},
		}
		inputs.Builds.Request.Repository = own
		if class != "" {
			inputs.Builds.Class, inputs.Builds.Trusted = class, own
			inputs.Builds.Request.Repository = own + "/previews/" + class
		}
		return release.PolicyOf(inputs)
	}
	tests := map[string]struct {
		image string
		fork  bool
		want  bool // it is another's
	}{
		"a stage's of the project":          {image: own + digest},
		"a stage's of a fork":               {image: own + "/previews/pr-7" + digest, want: true},
		"a stage's of whatever is there":    {image: own + "/previews" + digest, want: true},
		"a stage's of a fork, in capitals":  {image: "REGISTRY.example:443/slipway/acme/shop/previews/pr-7" + digest, want: true},
		"a stage's of a name like it":       {image: own + "/previews-old" + digest},
		"a fork's own":                      {image: own + "/previews/pr-7" + digest, fork: true},
		"a fork's of another fork":          {image: own + "/previews/pr-8" + digest, fork: true, want: true},
		"a fork's of a fork of longer name": {image: own + "/previews/pr-77" + digest, fork: true, want: true},
		"a fork's of the project":           {image: own + digest, fork: true},
		"a fork's of another project":       {image: "registry.example/slipway/acme/other" + digest, fork: true, want: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			class := ""
			if tt.fork {
				class = "pr-7"
			}
			p := policy(tt.fork, class)
			if got := p.Foreign(tt.image); got != tt.want {
				t.Errorf("foreign: %t, want %t", got, tt.want)
			}
			if allowed := slices.Contains(p.Registries, own); !allowed || (len(p.Allow)+len(p.PriorityClasses)+len(p.RuntimeClasses) > 0) == tt.fork {
				t.Errorf("the policy is %+v", p)
			}
		})
	}
}
