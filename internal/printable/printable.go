package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ellipsis ends what was cut.
const ellipsis = "…"

// Line returns s on one line: terminal sequences are left out, each run of
// white space becomes one space, and every other character that doesn't print
// (control characters, marks of writing direction, characters without width,
// invalid UTF-8) becomes U+FFFD.
func Line(s string) string {
	if plain(s) {
		return s
	}
	return strings.Join(strings.Fields(clean(s, unicode.IsSpace)), " ")
}

// Lines returns s like Line, but keeps line ends, tabs and runs of spaces. A
// carriage return, with which programs write over a line, ends the line.
func Lines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return clean(strings.ReplaceAll(s, "\r", "\n"), func(r rune) bool { return r == '\n' || r == '\t' })
}

// Excerpt returns s on one line of at most limit bytes.
func Excerpt(s string, limit int) string { return Clip(Line(s), limit) }

// Passage returns s with its line ends, of at most limit bytes.
func Passage(s string, limit int) string { return Clip(Lines(s), limit) }

// Clip cuts s to at most limit bytes, of which the last say that something is
// missing, without cutting a character.
func Clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := max(limit-len(ellipsis), 0)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + ellipsis
}

// plain reports whether a line has nothing to clean, which is usual.
func plain(s string) bool {
	last := byte(' ')
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == ' ' && last == ' ' {
			return false
		}
		last = c
	}
	return last != ' ' || s == ""
}

// clean leaves terminal sequences out and replaces what neither prints nor is
// kept.
func clean(s string, kept func(rune) bool) string {
	var out strings.Builder
	out.Grow(len(s))
	for len(s) > 0 {
		if n := sequence(s); n > 0 {
			s = s[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case unicode.Is(unicode.Zs, r):
			r = ' '
		case r == utf8.RuneError || !kept(r) && !unicode.IsPrint(r):
			r = unicode.ReplacementChar
		}
		out.WriteRune(r)
	}
	return out.String()
}

// sequence returns the length of the terminal sequence that s begins with, or
// 0: ESC [ … final byte, ESC ] … BEL or ESC \, or ESC and one character.
func sequence(s string) int {
	const escape = '\x1b'
	switch {
	case s[0] != escape:
		return 0
	case len(s) == 1:
		return 1
	case s[1] == '[':
		if end := strings.IndexFunc(s[2:], func(r rune) bool { return '@' <= r && r <= '~' }); end >= 0 {
			return 2 + end + 1
		}
		return len(s)
	case s[1] == ']':
		return command(s)
	}
	_, size := utf8.DecodeRuneInString(s[1:])
	return 1 + size
}

// command returns the length of an operating system command, which s begins
// with.
func command(s string) int {
	end := len(s)
	for _, terminator := range []string{"\a", "\x1b\\"} {
		if at := strings.Index(s, terminator); at >= 0 {
			end = min(end, at+len(terminator))
		}
	}
	return end
}
