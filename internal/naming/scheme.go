package naming

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

const (
	maxLabel   = 63 // characters of a DNS label, a namespace, a label value
	maxHost    = 253
	hashDigits = 16
	hashMark   = "--"
	alphabet   = "abcdefghijklmnopqrstuvwxyz234567"
)

// scheme says how the parts of one kind of name are joined.
type scheme struct {
	kind   string // separates the hashes of different kinds
	prefix string // fixed first word, may be empty
	limit  int    // characters
	// free is the index of the one part that may contain dashes in the first
	// form.
	free int
	// double allows the second form. Without it the free part may contain
	// two dashes in a row.
	double bool
}

// join returns the name of the parts.
func (s scheme) join(parts ...string) string {
	if name, ok := s.single(parts); ok {
		return name
	}
	if name, ok := s.doubled(parts); ok {
		return name
	}
	return s.hashed(parts)
}

func (s scheme) single(parts []string) (string, bool) {
	for i, part := range parts {
		if !isPlain(part) {
			return "", false
		}
		if i != s.free && strings.Contains(part, "-") {
			return "", false
		}
		if s.double && strings.Contains(part, "--") {
			return "", false
		}
	}
	return s.fits(s.prefixed(strings.Join(parts, "-")))
}

func (s scheme) doubled(parts []string) (string, bool) {
	for _, part := range parts {
		if !s.double || !isPlain(part) || strings.Contains(part, "--") {
			return "", false
		}
	}
	return s.fits(s.prefixed(strings.Join(parts, "--")))
}

// fits accepts a name of the first two forms that is short enough, can't be
// taken for one of the third, and is not a reserved DNS label (two dashes in the
// third and fourth place).
func (s scheme) fits(name string) (string, bool) {
	return name, len(name) <= s.limit && !hasHash(name, hashMark) && !isReserved(name)
}

// hashed returns the third form. The readable part is for people only: the
// hash covers the exact parts.
func (s scheme) hashed(parts []string) string {
	words := make([]string, 0, len(parts))
	for _, part := range parts {
		if word := readable(withoutHash(part)); word != "" {
			words = append(words, word)
		}
	}
	room := s.limit - len(hashMark) - hashDigits
	shorten(words, room-len(s.prefix)-1)
	text := cut(s.prefixed(strings.Join(words, "-")), room)
	if isReserved(text + hashMark) {
		text += "x"
	}
	return text + hashMark + digits(s.kind, parts...)
}

func (s scheme) prefixed(text string) string {
	switch {
	case s.prefix == "":
		return text
	case text == "":
		return s.prefix
	}
	return s.prefix + "-" + text
}

// isPlain reports whether s is a DNS label.
func isPlain(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return true
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-'
}

func isReserved(name string) bool { return len(name) >= 4 && name[2:4] == "--" }

// hasHash reports whether s ends with the mark and a hash.
func hasHash(s, mark string) bool {
	at := len(s) - hashDigits
	if at < len(mark) || s[at-len(mark):at] != mark {
		return false
	}
	return strings.Trim(s[at:], alphabet) == ""
}

func withoutHash(s string) string {
	if hasHash(s, hashMark) {
		return s[:len(s)-hashDigits-len(hashMark)]
	}
	return s
}

// readable returns s in lower case with every run of other bytes than letters
// and digits as one dash, none at the ends. Bytes beyond the first 256 add
// nothing that would survive the cut.
func readable(s string) string {
	var b strings.Builder
	gap := false
	for i := range min(len(s), 256) {
		c := s[i]
		if !isAlphanumeric(c) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// shorten cuts the longest words until all of them, joined, have room or one
// byte each is left.
func shorten(words []string, room int) {
	excess := len(strings.Join(words, "-")) - room
	for ; excess > 0; excess-- {
		longest := 0
		for i, word := range words {
			if len(word) > len(words[longest]) {
				longest = i
			}
		}
		if len(words[longest]) <= 1 {
			return
		}
		words[longest] = words[longest][:len(words[longest])-1]
	}
}

// cut returns at most n bytes of text without dashes at the end, or x when
// nothing is left.
func cut(text string, n int) string {
	text = strings.Trim(text[:min(len(text), n)], "-")
	if text == "" {
		return "x"
	}
	return text
}

// digits returns the hash of a kind and its parts; lengths in front of the
// parts keep (ab, c) and (a, bc) apart.
func digits(kind string, parts ...string) string {
	h := sha256.New()
	h.Write([]byte("slipway/name/1/" + kind))
	for _, part := range parts {
		h.Write([]byte("/" + strconv.Itoa(len(part)) + ":" + part))
	}
	return base32.NewEncoding(alphabet).EncodeToString(h.Sum(nil))[:hashDigits]
}
