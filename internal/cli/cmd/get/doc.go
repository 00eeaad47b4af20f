// Package get holds the commands that list projects, stages, releases and
// deliveries. It must not change anything.
package get
