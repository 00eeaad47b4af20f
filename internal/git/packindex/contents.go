package packindex

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/slipway-dev/slipway/internal/git"
)

const (
	// memoryBytes is how much of the contents is in memory.
	memoryBytes = 24 << 20
	// maxFileBytes is how much may be in the file beside it.
	maxFileBytes = 2 << 30
	// blockBytes is how much of a file is written at once.
	blockBytes = 64 << 10
)

// contents are what deltas are applied to, one on top of the other: what is pushed last
// is popped first. They are in memory while there is room, and else in a file.
type contents struct {
	dir      string
	most     int64 // bytes in memory
	inMemory int64
	file     *os.File // nil until it is needed
	inFile   int64    // bytes in use
}

// content is what one object holds.
type content struct {
	size int64
	data []byte   // nil when it is in the file
	file *os.File // nil when it is in memory
	at   int64    // where it begins in the file
}

// reader reads a part of it.
func (c content) reader(from, size int64) io.Reader {
	if c.file == nil {
		return &sliceReader{c.data[from : from+size]}
	}
	return io.NewSectionReader(c.file, c.at+from, size)
}

// sliceReader reads a slice without an allocation for its position.
type sliceReader struct{ left []byte }

func (r *sliceReader) Read(p []byte) (int, error) {
	if len(r.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// WriteTo writes all of it at once.
func (r *sliceReader) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.left)
	r.left = r.left[n:]
	return int64(n), err
}

// writer takes the bytes of one content.
type writer struct {
	made  content
	block *bufio.Writer // of the file
	left  int64
}

// push begins a content of a size on top of the others.
func (c *contents) push(size int64) (*writer, error) {
	w := &writer{made: content{size: size}, left: size}
	if c.inMemory+size <= c.most {
		c.inMemory += size
		w.made.data = make([]byte, 0, size)
		return w, nil
	}
	if c.inFile+size > maxFileBytes {
		return nil, fmt.Errorf("deltas build on objects of more than %d bytes at once: %w", int64(maxFileBytes), git.ErrTooLarge)
	}
	if c.file == nil {
		file, err := os.CreateTemp(c.dir, "tmp_contents_*")
		if err != nil {
			return nil, fmt.Errorf("keep an object: %w", err)
		}
		c.file = file
	}
	w.made.file, w.made.at = c.file, c.inFile
	w.block = bufio.NewWriterSize(io.NewOffsetWriter(c.file, c.inFile), blockBytes)
	c.inFile += size
	return w, nil
}

// pop gives back the content that was pushed last.
func (c *contents) pop(top content) {
	if top.file == nil {
		c.inMemory -= top.size
		return
	}
	c.inFile -= top.size
}

// close removes the file.
func (c *contents) close() {
	if c.file != nil {
		_ = c.file.Close()
		_ = os.Remove(c.file.Name())
	}
}

// errSize says that an object has another size than it says.
var errSize = errors.New("it has another size than it says")

// Write appends to the content.
func (w *writer) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.left < 0 {
		return 0, errSize
	}
	if w.block != nil {
		return w.block.Write(p)
	}
	w.made.data = append(w.made.data, p...)
	return len(p), nil
}

// finish returns the content, which must be complete.
func (w *writer) finish() (content, error) {
	if w.left != 0 {
		return content{}, errSize
	}
	if w.block != nil {
		if err := w.block.Flush(); err != nil {
			return content{}, fmt.Errorf("keep an object: %w", err)
		}
	}
	return w.made, nil
}
