// Package realforge proves the server before a real forge: Gitea, compiled from
// its Go module (cmd/gitea) and run beside a real API server. Pushes are git's
// own, webhooks and their signatures Gitea's.
//
// Beyond tests there is nothing in it; `make gitea` runs them.
package realforge
