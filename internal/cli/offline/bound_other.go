//go:build !linux

package offline

// boundData does nothing: only Linux counts what a process maps.
func boundData(uint64) {}
