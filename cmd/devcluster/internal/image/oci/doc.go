// Package oci makes OCI images out of files, without a container engine, and
// moves them to a registry. The same files and settings give the same digest on
// any machine: entries are sorted, times are fixed, owners are numbers.
//
// It must not know which images exist or what is in them.
package oci
