// Package github is the driver for GitHub, GitHub Enterprise Server and other
// servers with the same webhooks and REST API. It parses deliveries with its
// own small structs and reports through go-github.
//
// It must not know the other drivers.
package github
