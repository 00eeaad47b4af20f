// Package naming makes every name, label and host that Slipway generates.
//
// All functions are pure and total: any input, however hostile, gives a valid
// name. They are injective: two different inputs of one function never give
// the same name, so that nobody reaches another project's namespace by the
// choice of a branch name. And they are stable: a name that one version of
// Slipway gave is what every later version gives (testdata/stable.golden may
// grow but never change).
//
// A name takes the first of three forms that is possible:
//
//	sw-acme-shop-feature-x          parts joined by one dash, when only one
//	                                given part may contain dashes itself
//	sw-acme--my-shop--production    parts joined by two dashes, when no part
//	                                contains two
//	sw-acme-shop-x--k3bq…           what can be read of the parts, two dashes
//	                                and 16 base-32 digits (80 bits of SHA-256)
//	                                of the exact parts: the rest
//
// A name of one of the first two forms that happens to end like the third is
// written in the third form, which keeps the forms apart. Stages of pattern
// rules always use the third, which a stage rule's own name never has.
//
// It must not know Kubernetes clients, project files or git.
package naming
