package worker

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// kind says what a frame holds.
type kind byte

// The frames of a conversation. The parent speaks first.
const (
	kindConfine kind = iota + 1 // parent: confinement, once
	kindReady                   // child: the confinement is in place
	kindRender                  // parent: a request
	kindLook                    // child: asks what a path is
	kindRead                    // child: asks for a file
	kindList                    // child: asks for a directory
	kindAnswer                  // parent: answers the three above
	kindResult                  // child: the end of a request
)

// frame is one message: a header in JSON and bytes as they are.
type frame struct {
	kind   kind
	header []byte
	body   []byte
}

// prefix is kind, header length and body length.
const prefixBytes = 1 + 4 + 4

var errTooLong = errors.New("the message is longer than allowed")

// writeFrame sends one frame. The header must be JSON-serialisable.
func writeFrame(w io.Writer, k kind, header any, body []byte) error {
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(text) > math.MaxInt32 || len(body) > math.MaxInt32 {
		return errTooLong
	}
	buffer := make([]byte, prefixBytes, prefixBytes+len(text)+len(body))
	buffer[0] = byte(k)
	binary.BigEndian.PutUint32(buffer[1:], uint32(len(text))) //nolint:gosec // checked above
	binary.BigEndian.PutUint32(buffer[5:], uint32(len(body))) //nolint:gosec // checked above
	buffer = append(buffer, text...)
	buffer = append(buffer, body...)
	if _, err := w.Write(buffer); err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}

// readFrame receives one frame of at most the given size.
func readFrame(r io.Reader, most int64) (frame, error) {
	var prefix [prefixBytes]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return frame{}, fmt.Errorf("receive message: %w", err)
	}
	header := int64(binary.BigEndian.Uint32(prefix[1:]))
	body := int64(binary.BigEndian.Uint32(prefix[5:]))
	if header+body > most {
		return frame{}, errTooLong
	}
	buffer := make([]byte, header+body)
	if _, err := io.ReadFull(r, buffer); err != nil {
		return frame{}, fmt.Errorf("receive message: %w", err)
	}
	return frame{kind: kind(prefix[0]), header: buffer[:header], body: buffer[header:]}, nil
}

// decode reads the header.
func (f frame) decode(into any) error {
	if err := json.Unmarshal(f.header, into); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	return nil
}
