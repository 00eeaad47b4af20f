// Package gitlab is the driver for GitLab, at gitlab.com and self-managed. It
// parses deliveries with its own small structs and reports through GitLab's
// client.
//
// It must not know the other drivers.
package gitlab
