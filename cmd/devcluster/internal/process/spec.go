package process

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Spec says how a process is started. Two equal specs are the same process.
type Spec struct {
	// Name is unique in a cluster and names the pid and log files.
	Name string
	// Path is the program; it is absolute and changes when the program does.
	Path string
	Args []string
	// Env is the whole environment.
	Env []string
	// Inputs are contents of files that the process reads only when it starts;
	// a change in one of them starts it anew.
	Inputs []string
}

// SearchPath is where a cluster's programs find the system's, whatever the
// person who starts them has in PATH: the same up gives the same cluster.
const SearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment is what a cluster's program is started with: the mark by which it
// is found again, and nothing of the caller's. More entries come last.
func Environment(run string, more ...string) []string {
	return append([]string{"PATH=" + SearchPath, "HOME=" + run, Mark(run)}, more...)
}

// Digest identifies everything that the process is started from.
func (s Spec) Digest() (string, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode spec of %s: %w", s.Name, err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16]), nil
}
