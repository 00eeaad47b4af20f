package build

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// inputVersion opens every encoding; a change of the encoding or of the way
// images are built changes it, and so rebuilds every image once.
const inputVersion = "slipway build input 2"

// Input is everything that decides what an image contains. Two builds with
// the same input may share one image.
type Input struct {
	Context        map[string]string // source that a build may read → digest of what it finds there
	Ignore         string            // object id of the ignore file, empty for none
	Dockerfile     string            // object id of the Dockerfile's blob
	DockerfilePath string            // slash-separated, below the context; it selects the ignore file
	Args           map[string]string // build arguments
	Target         string            // build stage, empty for the last
	Platform       string            // os/architecture
	BaseImages     map[string]string // reference as written → digest
	Builder        string            // digest of the executor image, after the version of what assembles where that is tried first
	Watch          map[string]string // path → object id
	// Class separates images of untrusted code from all others, and their builds; empty
	// for the project's own.
	Class string
}

// Hash returns the input hash: 64 lower-case hex digits.
func (in Input) Hash() string {
	sum := sha256.Sum256(in.encode())
	return hex.EncodeToString(sum[:])
}

// encode writes the input so that different inputs give different bytes:
// every string is preceded by its length, every map by its size and sorted by
// key. A nil map and an empty one are the same input.
func (in Input) encode() []byte {
	out := appendString(nil, inputVersion)
	out = appendMap(out, in.Context)
	out = appendString(out, in.Ignore)
	out = appendString(out, in.Dockerfile)
	out = appendString(out, in.DockerfilePath)
	out = appendMap(out, in.Args)
	out = appendString(out, in.Target)
	out = appendString(out, in.Platform)
	out = appendMap(out, in.BaseImages)
	out = appendString(out, in.Builder)
	out = appendMap(out, in.Watch)
	if in.Class != "" {
		out = appendString(out, in.Class)
	}
	return out
}

func appendString(out []byte, s string) []byte {
	out = binary.AppendUvarint(out, uint64(len(s)))
	return append(out, s...)
}

func appendMap(out []byte, m map[string]string) []byte {
	out = binary.AppendUvarint(out, uint64(len(m)))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = appendString(out, key)
		out = appendString(out, m[key])
	}
	return out
}
