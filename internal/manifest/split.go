package manifest

import (
	"bytes"
	"fmt"
)

// StreamLimits bound a stream of documents.
type StreamLimits struct {
	Bytes     int // of the whole stream
	Document  int // bytes of one document
	Documents int
}

// Split cuts a stream at its "---" lines. Documents of comments and white
// space are left out. Whatever else could start or end a document is refused:
// another reader might cut there. Errors read behind "the manifests are
// not valid".
func Split(stream []byte, limits StreamLimits) ([][]byte, error) {
	if len(stream) > limits.Bytes {
		return nil, fmt.Errorf("they are larger than %d MiB", limits.Bytes>>20)
	}
	s := splitter{limits: limits}
	start, at := 0, 0
	for line := range bytes.Lines(stream) {
		end := at + len(line)
		line = bytes.TrimRight(line, " \t\r\n")
		switch {
		case bytes.IndexByte(line, '\r') >= 0:
			return nil, fmt.Errorf("document %d: a carriage return stands alone", len(s.documents)+1)
		case bytes.Equal(line, []byte("---")):
			if err := s.add(stream[start:at]); err != nil {
				return nil, err
			}
			start = end
		case bytes.HasPrefix(line, []byte("---")), bytes.HasPrefix(line, []byte("...")), bytes.HasPrefix(line, []byte("%")):
			return nil, fmt.Errorf("document %d: a line begins with %q", len(s.documents)+1, line[:min(3, len(line))])
		}
		at = end
	}
	err := s.add(stream[start:])
	return s.documents, err
}

type splitter struct {
	limits    StreamLimits
	documents [][]byte
}

func (s *splitter) add(document []byte) error {
	switch {
	case isBlank(document):
		return nil
	case len(document) > s.limits.Document:
		return fmt.Errorf("document %d: is larger than the %d KiB that Kubernetes stores", len(s.documents)+1, s.limits.Document>>10)
	case len(s.documents) == s.limits.Documents:
		return fmt.Errorf("they hold more than %d objects", s.limits.Documents)
	}
	s.documents = append(s.documents, document)
	return nil
}

// isBlank reports whether a document holds only comments and white space.
func isBlank(document []byte) bool {
	for line := range bytes.Lines(document) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
