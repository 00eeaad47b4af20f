package cli

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// difference is what became of one object.
type difference struct {
	Object string `json:"object"`
	Change string `json:"change"` // added, removed or changed
	Diff   string `json:"diff"`
}

// differ compares objects by name; at names the two sides of one.
func differ(left, right map[string][]byte, atLeft, atRight func(name string) string) []difference {
	names := maps.Clone(left)
	maps.Copy(names, right)
	differences := []difference{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, had := left[name]
		now, has := right[name]
		from, to := atLeft(name), atRight(name)
		if !had {
			from = nothing
		}
		if !has {
			to = nothing
		}
		text := diff.Diff(from, old, to, now)
		if text == nil {
			continue
		}
		change := map[[2]bool]string{{true, true}: "changed", {true, false}: "removed", {false, true}: "added"}[[2]bool{had, has}]
		_, text, _ = bytes.Cut(text, []byte("\n")) // the line "diff A B", which the next two repeat
		differences = append(differences, difference{Object: name, Change: change, Diff: string(text)})
	}
	return differences
}

// nothing is the side of an object that one side doesn't have.
const nothing = "/dev/null"

// printDifferences writes differences; text is coloured on a terminal.
func printDifferences(streams Streams, format string, differences []difference) error {
	if format != "text" {
		return newOutput(streams, format).print(differences, nil)
	}
	for _, one := range differences {
		for line := range strings.Lines(one.Diff) {
			line = printable(strings.TrimSuffix(line, "\n"))
			if streams.Terminal {
				line = coloured(line)
			}
			if _, err := fmt.Fprintln(streams.Out, line); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
	}
	return nil
}

func coloured(line string) string {
	switch {
	case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"):
		return colour(heading, line)
	case strings.HasPrefix(line, "+"):
		return colour(good, line)
	case strings.HasPrefix(line, "-"):
		return colour(bad, line)
	case strings.HasPrefix(line, "@@"):
		return colour(waiting, line)
	}
	return line
}

// byName splits manifests into their objects.
func byName(manifests []byte) (map[string][]byte, error) {
	objects, err := decodeObjects(manifests)
	if err != nil {
		return nil, err
	}
	named := map[string][]byte{}
	for _, o := range objects {
		named[o.name] = o.text
	}
	return named, nil
}
