// Package packindex lists the objects of a pack: their ids, checksums and places. It
// needs a bounded amount of memory for each object, and for all contents together:
// what deltas are applied to is kept in memory as far as it fits, and else in a file.
//
// It must not know where packs come from. Whoever calls it has bounded the sizes and
// the number of the objects.
package packindex
