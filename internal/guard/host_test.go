package guard

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/naming"
)

// ours is the policy of the stage production of project shop.
func ours(p *Policy) {
	p.Domain, p.Project, p.Stage = "apps.example", "shop", "production"
	p.Given = []string{naming.Host("my-web", "production", "shop", "apps.example")}
	p.Reserved = []string{"hooks.example", "*.internal.example"}
	p.Taken = []string{"theirs.example"}
}

func hostCases() map[string]ruleCase {
	use := func(host string) string { return ingress("rules: [{host: " + fields(host) + "}]") }
	hashed := naming.Host("a--b", "production", "shop", "apps.example")
	labelled := "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x, labels: {slipway.dev/service: a--b}}\nspec: {rules: [{host: " + hashed + "}]}"
	refused := "host-owner spec.rules[0].host"
	return map[string]ruleCase{
		"a host outside the domain":          ok(RuleHostOwner, use("shop.example")).under(ours),
		"a host of one word":                 ok(RuleHostOwner, use("shop.apps.example")).under(ours),
		"a host of two words":                ok(RuleHostOwner, use("www-shop.apps.example")).under(ours),
		"a host below a host":                ok(RuleHostOwner, use("web-production-other.x.apps.example")).under(ours),
		"the host that it is given":          ok(RuleHostOwner, use("my-web--production--shop.apps.example")).under(ours),
		"a host of another stage of its own": ok(RuleHostOwner, use("web-staging-shop.apps.example")).under(ours),
		"a given host with a hash":           ok(RuleHostOwner, labelled).under(ours),
		"no domain":                          ok(RuleHostOwner, use("web-production-other.apps.example")),
		"a host that another is given":       no(use("web-production-other.apps.example"), refused).under(ours),
		"one of a name with dashes":          no(use("web--production--my-shop.apps.example"), refused).under(ours),
		"one with a hash":                    no(use(hashed), refused).under(ours),
		"a host in use":                      no(use("theirs.example"), refused).under(ours),
		"a host that is kept":                no(use("hooks.example"), refused).under(ours),
		"hosts that are kept":                no(use("a.b.internal.example"), refused).under(ours),
		"a host in use by a route":           no(route("hostnames: [theirs.example]"), "host-owner spec.hostnames[0]").under(ours),
		"a host in use by a certificate":     no(ingress("tls: [{hosts: [theirs.example], secretName: a}]"), "host-owner spec.tls[0].hosts[0]").under(ours),
	}
}

func TestHosts(t *testing.T) {
	manifests := ingress("rules: [{host: b.example}, {}], tls: [{hosts: [c.example, b.example]}]") + "\n---\n" +
		route("hostnames: [a.example]") + "\n---\n" + doc("v1", "ConfigMap", "data: {kind: Ingress, host: no.example}") + "\n---\n" +
		doc("acme.example/v1", "Ingress", "spec: {rules: [{host: other.example}]}")
	got, err := Hosts([]byte(manifests))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.example", "b.example", "c.example"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := Hosts([]byte(doc("v1", "ConfigMap", ""))); got != nil || err != nil {
		t.Errorf("hosts of none: %v, %v", got, err)
	}
	if _, err := Hosts([]byte("kind: [Ingress\n")); err == nil {
		t.Error("no error of what is no YAML")
	}
}
