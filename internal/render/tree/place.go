package tree

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Place is a position in a file of a repository, for messages.
type Place struct {
	File  string // slash-separated path from the repository's root
	Line  int    // from 1; 0 when the whole file is meant
	Field string // as a user would write it: resources[2]
}

// String returns file:line: field.
func (p Place) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Field != "" {
		b.WriteString(": " + p.Field)
	}
	return b.String()
}

// Refuse returns the error of something that is wrong at p.
func (p Place) Refuse(format string, args ...any) error {
	return fault.New(fault.Invalid, "%s: %s", p, fmt.Sprintf(format, args...))
}

// Quote returns s quoted and short enough for a message, without the user
// part of a URL, which may hold a password.
func Quote(s string) string {
	const most = 80
	if _, rest, found := strings.Cut(s, "://"); found {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			s = s[:strings.Index(s, "://")+3] + "…@" + rest[at+1:]
		}
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
