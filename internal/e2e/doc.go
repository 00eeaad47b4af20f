// Package e2e tells the whole story on a one-node cluster: pushes to a forge,
// builds with kaniko, pages behind an ingress, statuses on commits. Its tests
// need root and run with the build tag e2e (make e2e).
package e2e
