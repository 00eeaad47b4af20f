// Package component compiles the programs of a cluster from their Go modules
// in the checkout and keeps them in the cache under the digest of what they
// were made from.
//
// It must not know how the programs are run.
package component
