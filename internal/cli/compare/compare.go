package compare

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

// Difference is what became of one object.
type Difference struct {
	Object string `json:"object"`
	Change string `json:"change"` // added, removed or changed
	Diff   string `json:"diff"`
}

// Objects compares objects by name; at names the two sides of one.
func Objects(left, right map[string][]byte, atLeft, atRight func(name string) string) []Difference {
	names := maps.Clone(left)
	maps.Copy(names, right)
	differences := []Difference{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, had := left[name]
		now, has := right[name]
		from, to := atLeft(name), atRight(name)
		if !had {
			from = absent
		}
		if !has {
			to = absent
		}
		text := diff.Diff(from, old, to, now)
		if text == nil {
			continue
		}
		change := map[[2]bool]string{{true, true}: "changed", {true, false}: "removed", {false, true}: "added"}[[2]bool{had, has}]
		_, text, _ = bytes.Cut(text, []byte("\n")) // the line "diff A B", which the next two repeat
		differences = append(differences, Difference{Object: name, Change: change, Diff: string(text)})
	}
	return differences
}

// absent is the side of an object that one side doesn't have.
const absent = "/dev/null"

// Print writes differences; text is coloured on a terminal.
func Print(streams stream.Streams, format string, differences []Difference) error {
	if format != "text" {
		return output.New(streams, format).Print(differences, nil)
	}
	for _, one := range differences {
		for line := range strings.Lines(one.Diff) {
			line = output.Printable(strings.TrimSuffix(line, "\n"))
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
		return output.Colour(output.Heading, line)
	case strings.HasPrefix(line, "+"):
		return output.Colour(output.Good, line)
	case strings.HasPrefix(line, "-"):
		return output.Colour(output.Bad, line)
	case strings.HasPrefix(line, "@@"):
		return output.Colour(output.Waiting, line)
	}
	return line
}

// SplitByName splits manifests into their objects.
func SplitByName(manifests []byte) (map[string][]byte, error) {
	objects, err := DecodeObjects(manifests)
	if err != nil {
		return nil, err
	}
	named := map[string][]byte{}
	for _, o := range objects {
		named[o.name] = o.text
	}
	return named, nil
}
