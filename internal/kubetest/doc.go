// Package kubetest gives tests a real Kubernetes control plane: etcd, API
// server and controller manager, without nodes.
//
// A test package gets one from its TestMain: the warm one that CONTROL_PLANE
// names, or one of its own. The program that makes it is
// named by the environment variable DEVCLUSTER. `make integration` sets both.
// The package knows nothing of what is tested.
package kubetest
