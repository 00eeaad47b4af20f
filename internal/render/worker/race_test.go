//go:build race

package worker_test

// raceFactor is how much more the race detector's programs need.
const raceFactor = 5
