package key

import (
	"fmt"
	"strings"
)

// Document returns the table as docs/compose.md has it: one of the keys of a
// service, and one of the rest.
func Document() string {
	var b strings.Builder
	section(&b, "key of a service", func(path string) (string, bool) { return strings.CutPrefix(path, Service) })
	b.WriteString("| any other `x-…` | holds | extensions of other programs |\n| anything else | error | it is unknown |\n\n")
	section(&b, "other key", func(path string) (string, bool) { return path, !strings.HasPrefix(path, Service) })
	return b.String()
}

func section(b *strings.Builder, title string, name func(path string) (string, bool)) {
	fmt.Fprintf(b, "| %s | what happens | how, why, what to do |\n|---|---|---|\n", title)
	for _, k := range All() {
		shown, is := name(k.Path)
		if !is || k.Treatment == inside {
			continue
		}
		text := k.Text
		if len(k.Harmless) > 0 {
			text += " (harmless: `" + strings.Join(k.Harmless, "`, `") + "`)"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", shown, k.Treatment, text)
	}
}
