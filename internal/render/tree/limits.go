package tree

// Limits bound what one render may read and describe. The zero value allows
// nothing; DefaultLimits is what a server starts from.
type Limits struct {
	// Files is the number of files read.
	Files int `json:"files"`
	// FileBytes is the size of one file.
	FileBytes int64 `json:"fileBytes"`
	// Bytes is the size of all files together.
	Bytes int64 `json:"bytes"`
	// Nodes is the number of YAML nodes of one file after its aliases are
	// expanded.
	Nodes int `json:"nodes"`
	// Depth is the nesting of YAML nodes, and of directories that refer to
	// each other.
	Depth int `json:"depth"`
	// Visits is how often directories are entered; one that is referred to
	// twice counts twice, with all that it refers to.
	Visits int `json:"visits"`
	// Documents is the number of YAML documents, counted like Visits.
	Documents int `json:"documents"`
}

// DefaultLimits returns limits that real repositories stay far below.
func DefaultLimits() Limits {
	return Limits{
		Files:     2000,
		FileBytes: 2 << 20,
		Bytes:     16 << 20,
		Nodes:     200_000,
		Depth:     64,
		Visits:    1000,
		Documents: 5000,
	}
}
