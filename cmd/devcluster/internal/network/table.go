package network

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"sigs.k8s.io/knftables"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
)

// Table is the packet filter's table that belongs to the cluster itself.
const Table = "slipway-devcluster"

// MakeTable sets the rules that let pods reach the world under the machine's
// address, and that lead the ingress's port on loopback to the ingress.
func MakeTable(ctx context.Context, ingressPort int) error {
	nft, err := knftables.New(knftables.IPv4Family, Table)
	if err != nil {
		return fmt.Errorf("open packet filter: %w", err)
	}
	if err := nft.Run(ctx, rules(nft, ingressPort)); err != nil {
		return fmt.Errorf("set packet filter table %s: %w", Table, err)
	}
	return nil
}

// rules replaces the whole table in one transaction.
func rules(nft knftables.Interface, ingressPort int) *knftables.Transaction {
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("slipway devcluster")})
	tx.Delete(&knftables.Table{})
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("slipway devcluster")})
	tx.Add(&knftables.Chain{
		Name: "postrouting", Type: knftables.PtrTo(knftables.NATType),
		Hook: knftables.PtrTo(knftables.PostroutingHook), Priority: knftables.PtrTo(knftables.SNATPriority),
	})
	tx.Add(&knftables.Rule{Chain: "postrouting", Rule: knftables.Concat(
		"ip saddr", layout.PodNetwork, "ip daddr !=", layout.PodNetwork, "masquerade",
	)})
	tx.Add(&knftables.Chain{
		Name: "output", Type: knftables.PtrTo(knftables.NATType),
		Hook: knftables.PtrTo(knftables.OutputHook), Priority: knftables.PtrTo(knftables.DNATPriority),
	})
	port := strconv.Itoa(ingressPort)
	tx.Add(&knftables.Rule{Chain: "output", Rule: knftables.Concat(
		"ip daddr 127.0.0.1 tcp dport", port, "dnat to", layout.BridgeAddress+":"+port,
	)})
	return tx
}

// RemoveTables removes the cluster's packet filter tables; missing ones are no error.
func RemoveTables(ctx context.Context) error {
	tables := []struct {
		family knftables.Family
		name   string
	}{
		{knftables.IPv4Family, Table},
		{knftables.IPv4Family, "kube-proxy"}, {knftables.IPv6Family, "kube-proxy"},
		{knftables.IPv4Family, PolicyTable},
	}
	var failures []error
	for _, table := range tables {
		nft, err := knftables.New(table.family, table.name)
		if err != nil {
			return fmt.Errorf("open packet filter: %w", err)
		}
		tx := nft.NewTransaction()
		tx.Add(&knftables.Table{}) // so that deleting a missing one works
		tx.Delete(&knftables.Table{})
		if err := nft.Run(ctx, tx); err != nil {
			failures = append(failures, fmt.Errorf("remove packet filter table %s: %w", table.name, err))
		}
	}
	return errors.Join(failures...)
}

// PolicyTable is the network policy agent's.
const PolicyTable = "slipway-netpol"
