package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Clip returns s in a form fit for a message: short and without control
// characters.
func Clip(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Nearest returns the candidate that s was most likely meant to be, empty when
// none is near: at most a third of its letters, or one, differ, without regard to case.
func Nearest(s string, candidates []string) string {
	best, least := "", max(len(s)/3+1, 2)
	if len(s) > 64 {
		return ""
	}
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the number of inserted, removed, changed or swapped bytes
// between a and b.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// Suggest returns the remedy for a name that is none of those known.
func Suggest(name string, known []string) string {
	if near := Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	if len(known) == 0 {
		return "there is none"
	}
	return "known: " + Enumerate(known)
}

// Enumerate joins names for a message, at most a dozen of them.
func Enumerate(names []string) string {
	const most = 24
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
