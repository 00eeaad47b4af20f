package confine

// Limits bound the process from now on.
type Limits struct {
	Memory  int64 `json:"memory"`  // bytes
	CPU     int64 `json:"cpu"`     // seconds in its whole life
	Threads int   `json:"threads"` // that run Go code at once; the caller sets them
}
