// Package kubetest gives tests a real Kubernetes control plane: etcd, API
// server and controller manager, without nodes.
//
// A test package starts one from its TestMain. The program that makes it is
// named by the environment variable DEVCLUSTER, which `make integration` sets.
// The package knows nothing of what is tested.
package kubetest
