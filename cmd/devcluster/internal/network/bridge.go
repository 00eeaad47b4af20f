package network

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
)

// MakeBridge makes the bridge with its address and the route of the Services'
// network, unless they are there.
func MakeBridge() error {
	link, err := findBridge()
	if err != nil {
		return err
	}
	if link == nil {
		if err := refuseOverlap(); err != nil {
			return err
		}
		attributes := netlink.NewLinkAttrs()
		attributes.Name = layout.BridgeName
		link = &netlink.Bridge{LinkAttrs: attributes}
		if err := netlink.LinkAdd(link); err != nil {
			return fmt.Errorf("make bridge %s: %w", layout.BridgeName, err)
		}
	}
	_, pods, err := net.ParseCIDR(layout.PodNetwork)
	if err != nil {
		return fmt.Errorf("parse pod network: %w", err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(layout.BridgeAddress), Mask: pods.Mask}}
	if err := netlink.AddrReplace(link, address); err != nil {
		return fmt.Errorf("give bridge %s its address: %w", layout.BridgeName, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("switch bridge %s on: %w", layout.BridgeName, err)
	}
	return routeServices(link)
}

// routeServices keeps packets for Services on this machine even when kube-proxy
// isn't there to send them elsewhere.
func routeServices(link netlink.Link) error {
	_, services, err := net.ParseCIDR(layout.ServiceNetwork)
	if err != nil {
		return fmt.Errorf("parse service network: %w", err)
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: services, Src: net.ParseIP(layout.BridgeAddress)}
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("route %s: %w", layout.ServiceNetwork, err)
	}
	return nil
}

// refuseOverlap finds out whether somebody else uses the cluster's networks.
func refuseOverlap() error {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	for _, route := range routes {
		if route.Dst == nil {
			continue
		}
		if ones, _ := route.Dst.Mask.Size(); ones == 0 {
			continue // the default route
		}
		for _, ours := range []string{layout.PodNetwork, layout.ServiceNetwork} {
			_, network, err := net.ParseCIDR(ours)
			if err != nil {
				return fmt.Errorf("parse network: %w", err)
			}
			if network.Contains(route.Dst.IP) || route.Dst.Contains(network.IP) {
				return fmt.Errorf("the cluster's network %s is in use on this machine: there is a route to %s; remove it or use another machine", ours, route.Dst)
			}
		}
	}
	return nil
}

// RemoveDevices removes the bridge and the pods' devices that are left.
func RemoveDevices() error {
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list network devices: %w", err)
	}
	var failures []error
	for _, link := range links {
		ours, err := carriesAddress(link)
		if err != nil {
			failures = append(failures, err)
		} else if ours {
			failures = append(failures, remove(link))
		}
	}
	return errors.Join(failures...)
}

func remove(link netlink.Link) error {
	err := netlink.LinkDel(link)
	var missing netlink.LinkNotFoundError
	if err == nil || errors.As(err, &missing) || isNoDevice(err) {
		return nil // a pod's device goes with its network namespace meanwhile
	}
	return fmt.Errorf("remove network device %s: %w", link.Attrs().Name, err)
}

// carriesAddress says whether the device has the cluster's address: only the
// bridge and the pods' devices do.
func carriesAddress(link netlink.Link) (bool, error) {
	if link.Type() != "bridge" && link.Type() != "veth" {
		return false, nil
	}
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if isNoDevice(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("list addresses of %s: %w", link.Attrs().Name, err)
	}
	for _, address := range addresses {
		if address.IP.String() == layout.BridgeAddress {
			return true, nil
		}
	}
	return link.Attrs().Name == layout.BridgeName, nil
}

func findBridge() (netlink.Link, error) {
	link, err := netlink.LinkByName(layout.BridgeName)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find bridge %s: %w", layout.BridgeName, err)
	}
	if link.Type() != "bridge" {
		return nil, fmt.Errorf("there is a network device %s that is no bridge: remove it", layout.BridgeName)
	}
	return link, nil
}

// MTU is the largest packet that the way out of this machine takes, which the
// pods' devices must not exceed; Ethernet's when there is no way out.
func MTU() (int, error) {
	const ethernet = 1500
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return 0, fmt.Errorf("list routes: %w", err)
	}
	for _, route := range routes {
		if route.Dst != nil {
			if ones, _ := route.Dst.Mask.Size(); ones != 0 {
				continue
			}
		}
		link, err := netlink.LinkByIndex(route.LinkIndex)
		if err == nil && link.Attrs().MTU > 0 {
			return min(ethernet, link.Attrs().MTU), nil
		}
	}
	return ethernet, nil
}
