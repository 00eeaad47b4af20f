package build

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCauseBytes bounds what a message repeats of foreign text.
const maxCauseBytes = 1024

// Clean returns s on one line, without terminal sequences and control
// characters, and cut to at most limit bytes. Whatever a build prints passes
// through it before anybody sees it.
func Clean(s string, limit int) string {
	s = strings.Join(strings.Fields(CleanLine(s)), " ")
	if len(s) <= limit {
		return s
	}
	const ellipsis = "…"
	cut := max(limit-len(ellipsis), 0)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + ellipsis
}

// CleanLine returns s without terminal sequences, and with every control
// character but the tab replaced by a space. Invalid UTF-8 becomes U+FFFD.
func CleanLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	var out strings.Builder
	out.Grow(len(s))
	for len(s) > 0 {
		if n := sequenceLength(s); n > 0 {
			s = s[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case r == '\t':
			out.WriteRune(r)
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			out.WriteByte(' ')
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// sequenceLength returns the length of the terminal sequence that s begins
// with, or 0: ESC [ … final byte, ESC ] … BEL or ESC \, or ESC and one byte.
func sequenceLength(s string) int {
	if s[0] != '\x1b' {
		return 0
	}
	if len(s) == 1 {
		return 1
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
		}
		return len(s)
	case ']':
		for i := 2; i < len(s); i++ {
			if s[i] == '\a' {
				return i + 1
			}
			if strings.HasPrefix(s[i:], "\x1b\\") {
				return i + 2
			}
		}
		return len(s)
	}
	_, size := utf8.DecodeRuneInString(s[1:])
	return 1 + size
}
