// Package webhook receives the forges' deliveries: it authenticates each by the
// signature made with a project's secret, stores it as a Delivery before it
// answers, and reports to the sender what became of it.
//
// It must not know what a delivery leads to. Nothing of a body is ever
// logged, and a request for a project that doesn't exist gets the answer of one with a
// wrong signature.
package webhook
