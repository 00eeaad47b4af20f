package listing

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxItem bounds what is around the items of a list, and each item, in bytes. API
// servers keep no larger objects.
const maxItem = 8 << 20

// cutter cuts a list into its items without understanding them: the brackets of each
// are balanced. Whoever decodes them, and what is around them, sees if they are not
// JSON.
type cutter struct {
	in   *bufio.Reader
	open []byte // brackets
	item []byte
}

// cut calls take for each object of a list within the outermost object, which is good
// for that call only, and returns what is around them.
func (c *cutter) cut(take func(item []byte) error) (frame []byte, err error) {
	var quoted quotes
	for {
		b, err := c.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return frame, nil
		}
		if err != nil {
			return nil, err
		}
		inList := len(c.open) == 2 && c.open[1] == '[' && !quoted.inside
		switch {
		case inList && b == '{':
			if err := c.read(); err != nil {
				return nil, err
			}
			if err := take(c.item); err != nil {
				return nil, err
			}
			continue
		case inList && b == ',':
			continue
		case !quoted.pass(b):
			c.bracket(b)
		}
		if frame = append(frame, b); len(frame) > maxItem {
			return nil, fmt.Errorf("more than %d bytes are not of items", maxItem)
		}
	}
}

// bracket follows the brackets around items.
func (c *cutter) bracket(b byte) {
	switch b {
	case '{', '[':
		c.open = append(c.open, b)
	case '}', ']':
		c.open = c.open[:max(len(c.open)-1, 0)]
	}
}

// read reads an item whose first bracket was read.
func (c *cutter) read() error {
	c.item = append(c.item[:0], '{')
	var quoted quotes
	for depth := 1; depth > 0; {
		piece, err := c.in.ReadSlice('}')
		for _, b := range piece {
			switch {
			case quoted.pass(b):
			case b == '{':
				depth++
			case b == '}':
				depth--
			}
		}
		if c.item = append(c.item, piece...); len(c.item) > maxItem {
			return fmt.Errorf("an item has more than %d bytes", maxItem)
		}
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
	return nil
}

// quotes follows the strings of a JSON text.
type quotes struct {
	inside  bool
	escaped bool // the next character of the string
}

// pass reports whether a byte belongs to a string, its quotes included.
func (q *quotes) pass(b byte) bool {
	switch {
	case !q.inside:
		q.inside = b == '"'
		return q.inside
	case q.escaped:
		q.escaped = false
	case b == '\\':
		q.escaped = true
	case b == '"':
		q.inside = false
	}
	return true
}
