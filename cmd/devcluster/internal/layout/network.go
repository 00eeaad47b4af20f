package layout

import "strconv"

// The full cluster's addresses. They are private, unlikely to be in use, and
// exist only on this machine. A control plane alone uses 127.0.0.1 and none of them.
const (
	// BridgeName is the device that carries BridgeAddress.
	BridgeName = "slipway0"
	// BridgeAddress is where API server, kubelet, registry and ingress listen:
	// the same address for the host, for containerd and for pods.
	BridgeAddress = "10.244.77.1"
	// PodNetwork holds the bridge and all pods.
	PodNetwork = "10.244.77.0/24"
	// ServiceNetwork holds cluster addresses of Services.
	ServiceNetwork = "10.245.77.0/24"
	// KubernetesService is the API server's Service, the network's first address.
	KubernetesService = "10.245.77.1"
	// DNSService is the cluster DNS's Service.
	DNSService = "10.245.77.10"
	// Domain is the cluster's DNS domain.
	Domain = "cluster.local"
	// NodeName is the one node's name.
	NodeName = "devcluster"
	// RegistryPort is the registry's at BridgeAddress, plain HTTP.
	RegistryPort = 5000
	// APIServerPort is the API server's at BridgeAddress.
	APIServerPort = 6443
	// KubeletPort is the kubelet's at BridgeAddress.
	KubeletPort = 10250
	// CgroupName is the folder, in every hierarchy, that holds all pods and shims.
	CgroupName = "slipway-devcluster"
)

// Sockets is the folder of sockets and run-time mounts of the one full cluster
// that a machine can have. It is short, because sockets' paths must be, and in
// memory, because nothing in it outlives the machine's running.
const Sockets = "/run/slipway-devcluster"

// Registry is the registry's HOST:PORT.
func Registry() string { return BridgeAddress + ":" + strconv.Itoa(RegistryPort) }
