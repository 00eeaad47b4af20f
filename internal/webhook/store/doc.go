// Package store finds projects and their webhook secrets in the control cluster
// and makes deliveries durable there, for the receiver of webhooks.
//
// It must not know HTTP or any forge.
package store
