package assemble

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
)

// maxWindow is how much of a layer a decompressor may have to keep in memory, in bytes;
// the registry client's own would keep half a gigabyte. Builders use at most this much.
const maxWindow = 32 << 20

// archive is the archive in a layer, while it is read.
type archive struct {
	io.Reader
	close func() error
}

// Close ends it.
func (a *archive) Close() error { return a.close() }

// decompress returns the archive in a layer. A layer that takes much memory is too large.
func decompress(layer v1.Layer) (io.ReadCloser, error) {
	stream, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	made, err := archiveIn(stream)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read a layer: %w", err), stream.Close())
	}
	return made, nil
}

func archiveIn(stream io.ReadCloser) (*archive, error) {
	buffered := bufio.NewReader(stream)
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		unzipped, err := gzip.NewReader(buffered)
		return &archive{unzipped, stream.Close}, err
	case bytes.Equal(magic, []byte("\x28\xb5\x2f\xfd")):
		unzipped, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return &archive{windowed{unzipped}, func() error { unzipped.Close(); return stream.Close() }}, nil
	}
	return &archive{buffered, stream.Close}, nil
}

// windowed says of a stream that takes much memory that it is too large.
type windowed struct{ io.Reader }

// Read reads on.
func (w windowed) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = errTooLarge
	}
	return n, err
}
