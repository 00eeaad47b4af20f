package project

import (
	"strings"
	"unicode"
)

// SameLogin reports whether two names at a forge are the same: ASCII letters without
// case, as forges compare them, and everything else byte for byte, so that no
// look-alike fold helps.
func SameLogin(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// IsName reports whether a text can name a member: it prints, has no blank and no
// asterisk, and its letters are of one script. Others may look like somebody's name,
// or like everybody's.
func IsName(name string) bool {
	var script string
	for _, r := range name {
		if r == '*' || r == unicode.ReplacementChar || !unicode.IsGraphic(r) || unicode.IsSpace(r) || unicode.Is(unicode.Mn, r) || strings.ContainsRune(blank, r) {
			return false
		}
		if !unicode.IsLetter(r) {
			continue
		}
		of := scriptOf(r)
		if script != "" && of != script {
			return false
		}
		script = of
	}
	return name != ""
}

// blank are letters that look like nothing at all.
const blank = "\u115f\u1160\u3164\uffa0\u2800"

// scriptOf returns the name of the script of a letter.
func scriptOf(r rune) string {
	if r < unicode.MaxASCII {
		return "Latin"
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}
