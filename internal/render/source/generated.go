package source

// Unknown stands for a generated value where the seed isn't known.
const Unknown = "<generated>"

// GeneratedText is the text of a field that holds a generated value.
type GeneratedText struct {
	// Key is the field's own name, without those of the fields around it.
	Key  string
	Text string
}

// Capabilities are what charts see of a cluster. Fields that are
// empty mean what Helm itself assumes.
type Capabilities struct {
	// Version is the API server's: v1.34.0.
	Version string `json:"version,omitempty"`
	// APIs are the API versions that it serves (apps/v1), and the kinds of each
	// (apps/v1/Deployment), sorted.
	APIs []string `json:"apis,omitempty"`
}

// DefaultVersion is the version that charts see where no cluster is known, so that
// a chart renders alike on every machine.
const DefaultVersion = "v1.34.0"
