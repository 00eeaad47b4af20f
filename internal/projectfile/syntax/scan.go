package syntax

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// scan checks the raw bytes and splits them into tokens. Everything here is
// linear in the file's size; only what passes reaches the YAML parser, whose
// time grows with the square of the tokens and whose stack with the depth.
func scan(r *Report, data []byte) (token.Tokens, bool) {
	if len(data) > MaxBytes {
		r.Beyond(Place{}, "", fmt.Sprintf("is %d bytes long, more than %d", len(data), MaxBytes), "shorten it; large values belong in files of their own")
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	// The YAML lexer counts a comment's CRLF as two lines.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if !scanBytes(r, data) {
		return nil, false
	}
	tokens := lexer.Tokenize(string(data))
	if len(tokens) > MaxTokens {
		r.Beyond(tokenPlace(tokens[MaxTokens]), "", fmt.Sprintf("has more than %d YAML tokens", MaxTokens), "shorten it")
		return nil, false
	}
	if at, ok := tooDeep(tokens); ok {
		r.Beyond(at, "", fmt.Sprintf("has more than %d maps and lists inside each other", MaxDepth), "flatten it")
		return nil, false
	}
	return tokens, true
}

// scanBytes refuses bytes that are not text, and lines of absurd length.
func scanBytes(r *Report, data []byte) bool {
	at, start := Place{1, 1}, 0
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		switch {
		case c == utf8.RuneError && size <= 1:
			r.Beyond(at, "", "contains a byte that is not UTF-8", "save the file as UTF-8")
			return false
		case c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c <= 0x9f && c != 0x85:
			r.Beyond(at, "", fmt.Sprintf("contains the control character U+%04X", c), `remove it, or write it as an escape in a "quoted" string`)
			return false
		case i-start >= MaxLine && c != '\n':
			r.Beyond(Place{at.Line, 1}, "", fmt.Sprintf("has a line longer than %d bytes", MaxLine), "break the line")
			return false
		}
		i += size
		at.Column++
		if c == '\n' {
			at, start = Place{at.Line + 1, 1}, i
		}
	}
	return true
}

// tooDeep returns the place where nesting exceeds MaxDepth. Flow collections
// nest by brackets; block collections by columns, where a dash or a key opens a
// level when it stands further right than all open ones.
func tooDeep(tokens token.Tokens) (Place, bool) {
	flow := 0
	var columns []int
	for i, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow = max(flow-1, 0)
		case token.SequenceEntryType, token.MappingKeyType:
			columns = indent(columns, t.Position.Column)
		case token.MappingValueType:
			if flow == 0 && i > 0 {
				columns = indent(columns, tokens[i-1].Position.Column)
			}
		}
		if flow+len(columns) > MaxDepth {
			return tokenPlace(t), true
		}
	}
	return Place{}, false
}

// indent closes the levels right of a column and opens one there.
func indent(columns []int, column int) []int {
	for len(columns) > 0 && columns[len(columns)-1] >= column {
		columns = columns[:len(columns)-1]
	}
	return append(columns, column)
}

func tokenPlace(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{}
	}
	return Place{t.Position.Line, t.Position.Column}
}
