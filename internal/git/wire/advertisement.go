package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
)

const (
	// advertisementBytes bounds a server's list of refs: room for twice as many
	// lines as refs that are allowed.
	advertisementBytes = 16 << 20
	// nameBytes is how long the names of refs are on average, at most.
	nameBytes = 64
	// hexBytes is the length of an object's id as it is sent.
	hexBytes = 40
)

// errNotRefs says that an answer is no list of refs.
var errNotRefs = errors.New("the list of refs is malformed")

// advertisement reads a server's list of refs line by line. It keeps those that
// are wanted, and stops at its limits while it reads.
type advertisement struct {
	patterns []string
	limit    int // of refs, wanted or not

	caps   *capability.List
	head   plumbing.Hash // of HEAD; zero when there is none
	refs   []advertisedRef
	peeled map[string]plumbing.Hash // of refs that are tags of their own
	count  int
	bytes  int // of the names that are kept
}

type advertisedRef struct {
	name   string
	object plumbing.Hash
}

// readListing reads an advertisement of at most limit refs, and keeps those that
// match a pattern. An empty repository has none.
func readListing(r io.Reader, patterns []string, limit int) (*Listing, error) {
	a := &advertisement{patterns: patterns, limit: limit, caps: capability.NewList(), peeled: map[string]plumbing.Hash{}}
	err := a.read(pktline.NewScanner(&boundedReader{r: r, left: advertisementBytes}))
	if errors.Is(err, git.ErrTooLarge) {
		return nil, fault.Wrap(fault.Invalid, err, "the server's list of refs is larger than the limit of %d refs or %d MiB; delete refs that are no longer needed", limit, advertisementBytes>>20)
	}
	if err != nil {
		return nil, err
	}
	transport.FilterUnsupportedCapabilities(a.caps)
	return a.listing(), nil
}

// read reads up to the flush that ends the list. What comes before the first
// ref, a service's name and a flush, is HTTP's.
func (a *advertisement) read(lines *pktline.Scanner) error {
	first := true
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\n"))
		switch {
		case first && bytes.HasPrefix(line, []byte("#")):
			if !lines.Scan() || len(lines.Bytes()) != 0 {
				return fmt.Errorf("%w: no flush after the service", errors.Join(errNotRefs, lines.Err()))
			}
		case len(line) == 0:
			return nil
		case bytes.HasPrefix(line, []byte("shallow ")): // the server's own boundaries are of no use
		default:
			if err := a.add(line, first); err != nil {
				return err
			}
			first = false
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the list of refs: %w", err)
	}
	return fmt.Errorf("%w: it has no end", errNotRefs)
}

// add takes in one line. The first has the capabilities behind its name.
func (a *advertisement) add(line []byte, first bool) error {
	id, name, found := bytes.Cut(line, []byte(" "))
	if !found || !plumbing.IsHash(string(id[:min(len(id), hexBytes)])) || len(id) != hexBytes {
		return fmt.Errorf("%w: a line has no object id", errNotRefs)
	}
	if first {
		var caps []byte
		if name, caps, found = bytes.Cut(name, []byte{0}); !found {
			return fmt.Errorf("%w: no capabilities", errNotRefs)
		}
		if err := a.caps.Decode(caps); err != nil {
			return fmt.Errorf("%w: %w", errNotRefs, err)
		}
	}
	return a.keep(string(name), plumbing.NewHash(string(id)))
}

// keep keeps a ref that is wanted, or what the one before it peels to.
func (a *advertisement) keep(name string, object plumbing.Hash) error {
	if of, peels := strings.CutSuffix(name, "^{}"); peels {
		if last := len(a.refs) - 1; last >= 0 && a.refs[last].name == of {
			a.peeled[a.refs[last].name] = object
		}
		return nil
	}
	if name == "HEAD" {
		a.head = object
		return nil
	}
	if a.count++; a.count > a.limit {
		return fault.New(fault.Invalid, "the repository lists more than %d refs, which is the limit; delete refs that are no longer needed or raise the limit", a.limit)
	}
	if !wanted(name, a.patterns) || plumbing.ReferenceName(name).Validate() != nil {
		return nil
	}
	if a.bytes += len(name); a.bytes > a.limit*nameBytes {
		return fmt.Errorf("the names of refs have more than %d bytes: %w", a.limit*nameBytes, git.ErrTooLarge)
	}
	a.refs = append(a.refs, advertisedRef{name, object})
	return nil
}

func (a *advertisement) listing() *Listing {
	l := &Listing{caps: a.caps, Refs: make(map[string]Target, len(a.refs)), Head: a.defaultBranch()}
	for _, ref := range a.refs {
		target := Target{Object: ref.object, Commit: ref.object}
		if commit, peels := a.peeled[ref.name]; peels {
			target.Commit = commit
		}
		l.Refs[ref.name] = target
	}
	return l
}
