// Package bitbucket is the driver for Bitbucket Cloud and Bitbucket Data Center.
// The two share the signature and little else: the name of an event shows which
// of them sent it.
//
// It must not know the other drivers.
package bitbucket
