package oci

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// capabilityRecord is the PAX key under which tar keeps file capabilities.
const capabilityRecord = "SCHILY.xattr.security.capability"

// WriteTar writes the tree as a deterministic layer tar.
func (t *Tree) WriteTar(to io.Writer) error {
	archive := tar.NewWriter(to)
	first := map[uint64]string{} // by inode: the name that carries the content
	for _, name := range t.names() {
		entry := t.entries[name]
		header := entry.header(name)
		if entry.Inode != 0 {
			if target, seen := first[entry.Inode]; seen {
				header.Typeflag, header.Linkname, header.Size = tar.TypeLink, target, 0
			} else {
				first[entry.Inode] = header.Name
			}
		}
		if err := writeEntry(archive, header, entry.Open); err != nil {
			return fmt.Errorf("write %s to layer: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("end layer: %w", err)
	}
	return nil
}

// header is the entry's tar header; names are relative, as in every OCI layer.
func (e Entry) header(name string) *tar.Header {
	header := &tar.Header{
		Name: strings.TrimPrefix(name, "/"), Mode: e.Mode, Uid: e.UID, Gid: e.GID,
		ModTime: Epoch(), Format: tar.FormatPAX,
	}
	switch e.Kind {
	case Dir:
		header.Typeflag = tar.TypeDir
		header.Name += "/"
	case File:
		header.Typeflag, header.Size = tar.TypeReg, e.Size
		if e.Capabilities != "" {
			header.PAXRecords = map[string]string{capabilityRecord: e.Capabilities}
		}
	case Symlink:
		header.Typeflag, header.Linkname = tar.TypeSymlink, e.Target
	case Whiteout:
		header.Typeflag = tar.TypeReg
		header.Name = path.Join(path.Dir(header.Name), ".wh."+path.Base(header.Name))
	}
	return header
}

// writeEntry writes one header with its content. A file that changes its size
// meanwhile is an error, not a broken archive.
func writeEntry(archive *tar.Writer, header *tar.Header, open func() (io.ReadCloser, error)) error {
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if header.Typeflag != tar.TypeReg || open == nil {
		return nil
	}
	content, err := open()
	if err != nil {
		return err
	}
	_, copied := io.Copy(archive, content)
	if err := content.Close(); err != nil {
		return err
	}
	return copied
}

// Layer is a gzipped layer tar on disk with its digests known. It implements
// v1.Layer and is safe for concurrent use as long as the file stays.
type Layer struct {
	File    string
	Packed  v1.Hash // of the gzipped bytes
	Content v1.Hash // of the tar
	Bytes   int64   // of the gzipped file
}

// WriteLayer writes the tree as a gzipped layer to file, which it truncates.
func WriteLayer(file string, tree *Tree) (*Layer, error) {
	out, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("make layer file: %w", err)
	}
	defer out.Close()
	packed, content := sha256.New(), sha256.New()
	// The images stay on this machine: time matters more than bytes.
	compressed, err := gzip.NewWriterLevel(io.MultiWriter(out, packed), gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("compress layer: %w", err)
	}
	if err := tree.WriteTar(io.MultiWriter(compressed, content)); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, fmt.Errorf("compress layer: %w", err)
	}
	info, err := out.Stat()
	if err != nil {
		return nil, fmt.Errorf("measure layer: %w", err)
	}
	if err := out.Close(); err != nil {
		return nil, fmt.Errorf("write layer: %w", err)
	}
	return &Layer{File: file, Packed: sum(packed), Content: sum(content), Bytes: info.Size()}, nil
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// Digest is the hash of the gzipped bytes.
func (l *Layer) Digest() (v1.Hash, error) { return l.Packed, nil }

// DiffID is the hash of the tar.
func (l *Layer) DiffID() (v1.Hash, error) { return l.Content, nil }

// Size is the number of gzipped bytes.
func (l *Layer) Size() (int64, error) { return l.Bytes, nil }

// MediaType says that this is an OCI layer.
func (l *Layer) MediaType() (types.MediaType, error) { return types.OCILayer, nil }

// Compressed reads the gzipped bytes.
func (l *Layer) Compressed() (io.ReadCloser, error) { return os.Open(l.File) }

// Uncompressed reads the tar.
func (l *Layer) Uncompressed() (io.ReadCloser, error) {
	file, err := os.Open(l.File)
	if err != nil {
		return nil, err
	}
	content, err := gzip.NewReader(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("read layer %s: %w", l.File, err)
	}
	return &unpacked{Reader: content, file: file}, nil
}

// unpacked closes the file below the decompressor.
type unpacked struct {
	*gzip.Reader
	file *os.File
}

func (u *unpacked) Close() error { return u.file.Close() }
