package git

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Credentials authenticate to a remote. They are never printed: every way of
// formatting, logging or marshalling them gives a placeholder.
type Credentials struct {
	Username   string // empty with a Token: "x-access-token"
	Token      string // password or access token for https
	SSHKey     []byte // private key in PEM, without passphrase
	KnownHosts []byte // known_hosts lines; required for ssh
}

// String hides everything.
func (c Credentials) String() string {
	if c.Token == "" && len(c.SSHKey) == 0 {
		return "[none]"
	}
	return redacted
}

// GoString hides everything from %#v.
func (c Credentials) GoString() string { return c.String() }

// Format hides everything from every verb.
func (c Credentials) Format(s fmt.State, _ rune) {
	_, _ = s.Write([]byte(c.String()))
}

// LogValue hides everything from structured logs.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText hides everything from JSON and YAML.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
