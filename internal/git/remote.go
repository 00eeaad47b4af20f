package git

// Remote says where a repository is and how to get in. URL and credentials
// come from Slipway's configuration, never from a webhook.
type Remote struct {
	URL         string // https://, ssh:// or user@host:path; http:// when AllowHTTP
	Credentials Credentials
	AllowHTTP   bool     // accept http:// (no encryption: tests and closed networks only)
	Authority   []byte   // further certificate authorities of the server, in PEM
	Refs        []string // patterns of the refs to list and fetch, each with at most one *; empty: DefaultRefs
}

// DefaultRefs are all branches and all tags. Add "refs/pull/*/head" for pull
// requests.
func DefaultRefs() []string { return []string{"refs/heads/*", "refs/tags/*"} }
