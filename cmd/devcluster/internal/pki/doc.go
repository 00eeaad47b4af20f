// Package pki makes the certificates and kubeconfigs of one cluster. Keys never
// leave the cluster's folder and are readable by their owner only.
//
// It must not know which program uses which certificate.
package pki
