package packindex

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

// errDelta says that a delta is none.
var errDelta = errors.New("its delta is malformed")

// maxCommand is the length of the longest command of a delta without its text, and of
// the two sizes before the commands.
const maxCommand = 20

// patch applies a delta to its base while the delta is written to it. The format is
// git's: the sizes of base and target, then commands that copy from the base, or bring
// text of their own.
type patch struct {
	base     content
	kind     plumbing.ObjectType
	contents *contents

	pending [maxCommand]byte // a command that is not complete yet
	length  int
	text    int // bytes of the command's own text that are to come

	into   *writer // nil until the sizes were read
	hasher plumbing.Hasher
}

// Write takes the next bytes of the delta.
func (p *patch) Write(delta []byte) (int, error) {
	for i := 0; i < len(delta); {
		if p.text > 0 {
			n := min(p.text, len(delta)-i)
			if err := p.emit(&sliceReader{delta[i : i+n]}); err != nil {
				return i, err
			}
			p.text -= n
			i += n
			continue
		}
		if p.length == maxCommand {
			return i, errDelta
		}
		p.pending[p.length] = delta[i]
		p.length++
		i++
		if err := p.step(); err != nil {
			return i, err
		}
	}
	return len(delta), nil
}

// step carries out the pending bytes once they are a whole command, or the sizes.
func (p *patch) step() error {
	if p.into == nil {
		return p.begin()
	}
	command := p.pending[0]
	switch {
	case command == 0:
		return errDelta
	case command&0x80 == 0:
		p.text, p.length = int(command), 0
		return nil
	}
	offset, size, complete := copyOf(p.pending[:p.length])
	if !complete {
		return nil
	}
	p.length = 0
	if offset+size > p.base.size {
		return errDelta
	}
	return p.emit(p.base.reader(offset, size))
}

// begin reads the sizes once both are there.
func (p *patch) begin() error {
	base, rest, complete := number(p.pending[:p.length])
	if !complete {
		return nil
	}
	size, _, complete := number(rest)
	if !complete {
		return nil
	}
	if base != p.base.size {
		return errDelta
	}
	into, err := p.contents.push(size)
	if err != nil {
		return err
	}
	p.into, p.hasher, p.length = into, plumbing.NewHasher(p.kind, size), 0
	return nil
}

// emit appends to the target.
func (p *patch) emit(from io.Reader) error {
	if _, err := io.Copy(io.MultiWriter(p.into, p.hasher), from); err != nil {
		return err
	}
	return nil
}

// finish returns the target and its id.
func (p *patch) finish() (content, plumbing.Hash, error) {
	if p.into == nil || p.length > 0 || p.text > 0 {
		return content{}, plumbing.ZeroHash, errDelta
	}
	made, err := p.into.finish()
	if err != nil {
		return content{}, plumbing.ZeroHash, fmt.Errorf("apply the delta: %w", err)
	}
	return made, p.hasher.Sum(), nil
}

// number reads a size, and returns what follows. It is not complete while its last byte
// is missing.
func number(b []byte) (n int64, rest []byte, complete bool) {
	for i, c := range b {
		if i == maxCommand/2-1 {
			return 0, nil, false // longer than any size: the delta is malformed
		}
		n |= int64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// copyOf reads a command that copies. Its first byte says which bytes of place and size
// follow.
func copyOf(command []byte) (offset, size int64, complete bool) {
	next := 1
	for bit := range 7 {
		if command[0]>>bit&1 == 0 {
			continue
		}
		if next == len(command) {
			return 0, 0, false
		}
		if bit < 4 {
			offset |= int64(command[next]) << (8 * bit)
		} else {
			size |= int64(command[next]) << (8 * (bit - 4))
		}
		next++
	}
	if size == 0 {
		size = 0x10000
	}
	return offset, size, true
}
