package git

import "time"

// Limits bound what one repository may cost. A field that is zero or negative
// takes the value of DefaultLimits.
type Limits struct {
	Refs             int           // refs a server may list, of any kind
	FetchBytes       int64         // size of one pack as sent by the server
	IncrementalBytes int64         // size of a pack that carries history; a larger one is asked for again without history
	Objects          int           // objects in one pack
	ObjectBytes      int64         // one object, inflated
	InflatedBytes    int64         // all objects of one pack, inflated
	FetchTime        time.Duration // one Fetch or Ensure
	ListTime         time.Duration // the list of refs, of which that is part
	StallTime        time.Duration // a server that sends nothing for so long is given up
	Packs            int           // packs of one mirror before they are merged into one
	MirrorBytes      int64         // one mirror on disk; a larger one is cloned again without history
	TotalBytes       int64         // all mirrors on disk; the least recently used go first
	Warm             int           // mirrors kept open, with their indexes in memory
	IndexBytes       int64         // indexes in memory; the least recently used mirrors are closed
	CacheBytes       int64         // inflated objects kept in memory for all mirrors together
	Tree             TreeLimits    // what reading a commit's tree may cost
}

// TreeLimits bound what reading one Tree may cost: they stop a repository of a
// few kilobytes that describes billions of files. A field that is zero or
// negative takes the value of DefaultLimits().Tree.
type TreeLimits struct {
	Entries   int   // distinct entries listed in the life of a Tree, and in one Walk or Tar
	Depth     int   // nested directories
	PathBytes int   // length of one path, and of a symbolic link's target
	FileBytes int64 // one file
	Bytes     int64 // distinct files read in the life of a Tree, and in one Tar
}

const (
	mebibyte = int64(1) << 20
	gibibyte = int64(1) << 30
)

// DefaultLimits suit repositories of teams, monorepos included.
func DefaultLimits() Limits {
	return Limits{
		Refs:             50_000,
		FetchBytes:       2 * gibibyte,
		IncrementalBytes: 32 * mebibyte,
		Objects:          1_000_000,
		ObjectBytes:      100 * mebibyte,
		InflatedBytes:    16 * gibibyte,
		FetchTime:        15 * time.Minute,
		ListTime:         2 * time.Minute,
		StallTime:        time.Minute,
		Packs:            24,
		MirrorBytes:      4 * gibibyte,
		TotalBytes:       50 * gibibyte,
		Warm:             64,
		IndexBytes:       64 * mebibyte,
		CacheBytes:       16 * mebibyte,
		Tree: TreeLimits{
			Entries:   200_000,
			Depth:     64,
			PathBytes: 1024,
			FileBytes: 100 * mebibyte,
			Bytes:     2 * gibibyte,
		},
	}
}

// WithDefaults returns the limits with every field set.
func (l Limits) WithDefaults() Limits {
	d := DefaultLimits()
	fill(&l.Refs, d.Refs)
	fill(&l.FetchBytes, d.FetchBytes)
	fill(&l.IncrementalBytes, d.IncrementalBytes)
	fill(&l.Objects, d.Objects)
	fill(&l.ObjectBytes, d.ObjectBytes)
	fill(&l.InflatedBytes, d.InflatedBytes)
	fill(&l.FetchTime, d.FetchTime)
	fill(&l.ListTime, d.ListTime)
	fill(&l.StallTime, d.StallTime)
	fill(&l.Packs, d.Packs)
	fill(&l.MirrorBytes, d.MirrorBytes)
	fill(&l.TotalBytes, d.TotalBytes)
	fill(&l.Warm, d.Warm)
	fill(&l.IndexBytes, d.IndexBytes)
	fill(&l.CacheBytes, d.CacheBytes)
	l.Tree = l.Tree.withDefaults()
	return l
}

func (l TreeLimits) withDefaults() TreeLimits {
	d := DefaultLimits().Tree
	fill(&l.Entries, d.Entries)
	fill(&l.Depth, d.Depth)
	fill(&l.PathBytes, d.PathBytes)
	fill(&l.FileBytes, d.FileBytes)
	fill(&l.Bytes, d.Bytes)
	return l
}

func fill[T ~int | ~int64](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}
