// Package deliveries holds the commands that list and show webhook deliveries
// and have one handled again. It must not know how a delivery is handled.
package deliveries
