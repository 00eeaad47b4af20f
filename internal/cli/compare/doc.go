// Package compare compares manifests object by object, hides what Secrets hold,
// and prints the differences. It must not know where the manifests come from.
package compare
