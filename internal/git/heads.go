package git

// Heads are a remote's refs at one moment.
type Heads struct {
	Default string            // full name of the default branch ("refs/heads/main"); empty when the remote names none
	Refs    map[string]string // full ref name → commit id, annotated tags peeled
}
