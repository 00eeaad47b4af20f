package assemble

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxKept is how many bytes of a compressed layer are kept in memory; a larger layer is
// made again, byte for byte, when it is sent.
const maxKept = 1 << 20

// layer is an image's layer that is made from a tree each time it is read. It implements
// v1.Layer.
type layer struct {
	write     func(io.Writer) error // the archive
	mediaType types.MediaType
	digest    v1.Hash
	diffID    v1.Hash
	size      int64  // bytes, compressed
	kept      []byte // compressed; nil for a large one
}

// newLayer makes a layer once, to know its digests.
func newLayer(mediaType types.MediaType, write func(io.Writer) error) (*layer, error) {
	made := &layer{write: write, mediaType: mediaType}
	compressed, plain := sha256.New(), sha256.New()
	kept := &keeper{}
	counted := &counter{next: io.MultiWriter(compressed, kept)}
	if err := made.compress(counted, plain); err != nil {
		return nil, err
	}
	made.digest, made.diffID, made.size, made.kept = hashOf(compressed), hashOf(plain), counted.bytes, kept.data
	return made, nil
}

// compress writes the layer as it is sent, and its archive to also.
func (l *layer) compress(to, also io.Writer) error {
	archive, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := l.write(io.MultiWriter(archive, also)); err != nil {
		return err
	}
	return archive.Close()
}

func hashOf(sum hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
}

// Digest returns that of the compressed layer.
func (l *layer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID returns the digest of the archive.
func (l *layer) DiffID() (v1.Hash, error) { return l.diffID, nil }

// Size returns the bytes of the compressed layer.
func (l *layer) Size() (int64, error) { return l.size, nil }

// MediaType returns what the layer is.
func (l *layer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

// Compressed returns the layer as it is sent.
func (l *layer) Compressed() (io.ReadCloser, error) {
	if l.kept != nil {
		return io.NopCloser(bytes.NewReader(l.kept)), nil
	}
	return pipe(func(w io.Writer) error { return l.compress(w, io.Discard) }), nil
}

// Uncompressed returns the archive.
func (l *layer) Uncompressed() (io.ReadCloser, error) { return pipe(l.write), nil }

// piped is what a function writes, while it does.
type piped struct {
	*io.PipeReader
	done chan struct{}
}

func pipe(write func(io.Writer) error) io.ReadCloser {
	reader, writer := io.Pipe()
	made := &piped{PipeReader: reader, done: make(chan struct{})}
	go func() {
		defer close(made.done)
		_ = writer.CloseWithError(write(writer)) // it never fails
	}()
	return made
}

// Close ends the function and waits for it.
func (p *piped) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}

// keeper keeps what is written as long as it is little.
type keeper struct {
	data []byte
	over bool
}

// Write keeps or drops what is kept.
func (k *keeper) Write(p []byte) (int, error) {
	if k.over = k.over || len(k.data)+len(p) > maxKept; k.over {
		k.data = nil
	} else {
		k.data = append(k.data, p...)
	}
	return len(p), nil
}

// counter counts what is written.
type counter struct {
	next  io.Writer
	bytes int64
}

// Write passes on.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.next.Write(p)
	c.bytes += int64(n)
	return n, err
}

// archiveOf returns a function that writes nodes, by path, as an archive until ctx ends:
// sorted, with numbers for owners and one time for all that instructions made.
func archiveOf(ctx context.Context, nodes map[string]node, tree fs.FS, at time.Time) func(io.Writer) error {
	names := slices.Sorted(maps.Keys(nodes))
	return func(to io.Writer) error {
		out := tar.NewWriter(to)
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := writeNode(out, tree, name, nodes[name], at); err != nil {
				return err
			}
		}
		return out.Close()
	}
}

func writeNode(out *tar.Writer, tree fs.FS, name string, n node, at time.Time) error {
	if strings.ContainsRune(name+n.target, 0) {
		return obstacle(0, "a name in it has a zero byte")
	}
	header := &tar.Header{Name: name, Mode: n.mode, Uid: n.uid, Gid: n.gid, ModTime: at}
	var content []byte
	switch n.kind {
	case directory:
		header.Typeflag, header.Name = tar.TypeDir, name+"/"
		if n.base != nil {
			header.ModTime, header.PAXRecords = n.base.modified.Truncate(time.Second), n.base.attributes
		}
	case link:
		header.Typeflag, header.Linkname = tar.TypeSymlink, n.target
	case file:
		content = []byte(n.data)
		if n.source != "" {
			var err error
			if content, err = fs.ReadFile(tree, n.source); err != nil {
				return err
			}
		}
		header.Typeflag, header.Size = tar.TypeReg, int64(len(content))
	default:
		return errors.New("nothing is at " + name)
	}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err := out.Write(content)
	return err
}
