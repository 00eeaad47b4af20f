// Package golden compares what a test got with a file that was reviewed as
// code. go test -update writes the files anew.
package golden
