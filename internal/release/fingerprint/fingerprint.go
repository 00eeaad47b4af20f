package fingerprint

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"unique"
)

// maxSize bounds an encoded fingerprint, in bytes. The manifests of the release,
// in the same object, leave that much room.
const maxSize = 32 << 10

// maxText bounds a fingerprint before it is compressed, in bytes.
const maxText = 4 << 20

// Fingerprint is what the manifests of a release were made from.
type Fingerprint struct {
	// Basis is a digest of everything but commits.
	Basis string `json:"basis"`
	// Commits are the commits that were read, each one once or several times.
	Commits []Commit `json:"commits"`
}

// Commit is what was read of one commit.
type Commit struct {
	Revision
	Reads []Read `json:"reads"`
}

// Revision says where the project file takes a commit from.
type Revision struct {
	// Repository is a clone URL; empty means the project's primary repository.
	Repository string `json:"repository,omitempty"`
	// Ref is a branch or tag of another repository than the primary one, empty for
	// its default branch.
	Ref string `json:"ref,omitempty"`
}

// Equal reports whether a basis and the trees that revisions lead to now are what
// the fingerprint was made from.
func (f Fingerprint) Equal(basis string, answers func(Revision) (*Answers, error)) (bool, error) {
	if f.Basis != basis {
		return false, nil
	}
	for _, commit := range f.Commits {
		now, err := answers(commit.Revision)
		if err != nil {
			return false, err
		}
		for _, read := range commit.Reads {
			answer, err := now.to(read.Kind, read.Path)
			if err != nil || answer != read.Answer {
				return false, err
			}
		}
	}
	return true, nil
}

// fitting returns the fingerprint in at most maxSize bytes. One that needs more is
// made coarser until it fits: whole directories take the place of what was read in
// them. Trees are those of f.Commits, in their order. It is nil when none fits.
func (f Fingerprint) fitting(trees []Tree) (*Fingerprint, error) {
	for depth := f.depth(); ; depth-- {
		data, err := f.Encode()
		if err != nil {
			return nil, err
		}
		if len(data) <= maxSize {
			return &f, nil
		}
		if depth < 0 {
			return nil, nil
		}
		if f, err = f.coarser(trees, depth); err != nil {
			return nil, err
		}
	}
}

// depth returns the number of directories around the deepest read.
func (f Fingerprint) depth() int {
	deepest := 0
	for _, commit := range f.Commits {
		for _, read := range commit.Reads {
			deepest = max(deepest, strings.Count(read.Path, "/"))
		}
	}
	return deepest
}

// coarser returns a fingerprint with whole objects in place of what is more than
// depth directories deep; those of depth 0 are the trees themselves.
func (f Fingerprint) coarser(trees []Tree, depth int) (Fingerprint, error) {
	made := Fingerprint{Basis: f.Basis}
	for i, commit := range f.Commits {
		var reads []Read
		for _, read := range commit.Reads {
			if levels := strings.Count(read.Path, "/"); levels >= depth {
				whole, err := wholeDirectory(trees[i], read.Path, depth)
				if err != nil {
					return made, err
				}
				read = whole
			}
			reads = append(reads, read)
		}
		made.Commits = append(made.Commits, Commit{Revision: commit.Revision, Reads: compact(reads)})
	}
	return made, nil
}

// wholeDirectory returns the read of the directory around a path that has depth
// names.
func wholeDirectory(tree Tree, name string, depth int) (Read, error) {
	names := strings.Split(name, "/")
	read := Read{Kind: Object, Path: path.Join(append([]string{"."}, names[:min(depth, len(names))]...)...)}
	var err error
	read.Answer, err = answer(tree, Object, read.Path)
	return read, err
}

// Encode returns the fingerprint as it is kept. Equal ones have equal encodings.
func (f Fingerprint) Encode() ([]byte, error) {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if err := json.NewEncoder(writer).Encode(f); err != nil {
		return nil, fmt.Errorf("encode a fingerprint: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("compress a fingerprint: %w", err)
	}
	return out.Bytes(), nil
}

// Decode returns a fingerprint that was kept.
func Decode(data []byte) (*Fingerprint, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decompress a fingerprint: %w", err)
	}
	var f Fingerprint
	if err := json.NewDecoder(io.LimitReader(reader, maxText)).Decode(&f); err != nil {
		return nil, fmt.Errorf("decode a fingerprint: %w", err)
	}
	f.share()
	return &f, nil
}

// share lets the strings of the fingerprint share their memory with equal ones: the
// stages of a project read the same files.
func (f *Fingerprint) share() {
	for _, commit := range f.Commits {
		for i := range commit.Reads {
			r := &commit.Reads[i]
			r.Kind, r.Path, r.Answer = unique.Make(r.Kind).Value(), unique.Make(r.Path).Value(), unique.Make(r.Answer).Value()
		}
	}
}

// Size returns about how many bytes of memory the fingerprint takes.
func (f Fingerprint) Size() int {
	const read = 48 // three strings' headers; their text is shared
	size := len(f.Basis) + 128
	for _, commit := range f.Commits {
		size += 128 + read*len(commit.Reads)
	}
	return size
}
