// Package stand brings up the whole of Slipway on this machine, for the demo
// and the end-to-end tests: a one-node Kubernetes, Slipway installed with its
// chart, and a forge to push to. It uses the programs that people use:
// devcluster, helm, kubectl and git.
package stand
