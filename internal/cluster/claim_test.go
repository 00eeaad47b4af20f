package cluster

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// TestManyHosts claims as many hosts as a stage may have, and one more.
func TestManyHosts(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	marker, err := tenancy.NewMarker(make([]byte, 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	claims := NewClaims(c, tenancy.NewNamespaceApplier(c, marker, time.Now), marker, tenancy.Subject{Namespace: "slipway-system", Name: "slipway"})
	owner := inventory.Owner{Organization: "acme", Project: "shop", Stage: "dev"}
	var hosts []string
	for i := range maxHosts + 1 {
		hosts = append(hosts, fmt.Sprintf("h%d.example", i))
	}
	if _, err := claims.Claim(t.Context(), owner, "sw-acme-shop-dev", hosts[:maxHosts]); err != nil {
		t.Errorf("%d hosts: %v", maxHosts, err)
	}
	if _, err := claims.Claim(t.Context(), owner, "sw-acme-shop-dev", hosts); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "more than 200") {
		t.Errorf("%d hosts: %v", len(hosts), err)
	}
}

// Two servers in one cluster with a project of the same name: neither has the other's
// hosts, and the second uses the namespace of claims once it is given it.
func TestClaimsOfTwoServers(t *testing.T) {
	c := kubefake.New(t)
	server := func(key string, adopted ...types.UID) *Claims {
		marker, err := tenancy.NewMarker(bytes.Repeat([]byte(key), 32), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		return NewClaims(c, tenancy.NewNamespaceApplier(c, marker, time.Now).Adopting(adopted), marker, tenancy.Subject{Namespace: "slipway-system", Name: "slipway"})
	}
	owner := inventory.Owner{Organization: "acme", Project: "shop", Stage: "dev"}
	space := &corev1.Namespace{}
	space.Name = "sw-acme-shop-dev"
	if err := c.Create(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	claim := func(of *Claims, want ...string) {
		t.Helper()
		taken, err := of.Claim(t.Context(), owner, space.Name, []string{"shop.example"})
		if err != nil || len(taken) != len(want) {
			t.Errorf("taken by others: %v, %v; want %v", taken, err, want)
		}
	}
	claim(server("a"))
	claim(server("a")) // after a restart
	if _, err := server("b").Claim(t.Context(), owner, space.Name, []string{"shop.example"}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the namespace of another server: %v, want a conflict", err)
	}
	var hosts corev1.Namespace
	if err := c.Get(t.Context(), client.ObjectKey{Name: tenancy.HostsNamespace}, &hosts); err != nil {
		t.Fatal(err)
	}
	second := server("b", hosts.UID)
	claim(second, "shop.example")
	if err := second.Keep(t.Context(), owner, space.Name, nil); err != nil {
		t.Fatal(err)
	}
	claim(server("a"))
}
