package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
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
