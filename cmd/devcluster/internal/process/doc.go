// Package process starts programs that outlive their starter and ends them
// again, knowing each by number and start time, so that a number which the
// system gave to somebody else is never signalled.
//
// It must not know which programs a cluster consists of.
package process
