// Package gitea is the driver for Gitea and Forgejo, which have the same webhooks
// and API.
//
// It must not know the other drivers.
package gitea
