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
	// Args are the arguments after the name; Args0 overrides the name itself.
	Args  []string
	Args0 string
	// Env is the whole environment.
	Env []string
	// Inputs are contents of files that the process reads only when it starts;
	// a change in one of them starts it anew.
	Inputs []string
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
