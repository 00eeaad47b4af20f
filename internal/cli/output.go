package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// output prints a command's result in the format that was asked for.
type output struct {
	streams Streams
	format  string
}

// newOutput returns what prints in a format.
func newOutput(streams Streams, format string) output { return output{streams, format} }

// outputFlag adds -o to a command.
func outputFlag(command *cobra.Command, format *string) {
	*format = "text"
	command.Flags().VarP((*formatFlag)(format), "output", "o", "how to print: text, json or yaml")
}

// formatFlag is the value of -o. A format that there isn't is refused before
// the command does anything.
type formatFlag string

// String implements pflag.Value.
func (f *formatFlag) String() string { return string(*f) }

// Type implements pflag.Value: what --help calls the value.
func (f *formatFlag) Type() string { return "string" }

// Set implements pflag.Value.
func (f *formatFlag) Set(value string) error {
	if value != "text" && value != "json" && value != "yaml" {
		return errors.New("unknown format; use text, json or yaml")
	}
	*f = formatFlag(value)
	return nil
}

// print writes a value as JSON or YAML, or lets text fill a table.
func (o output) print(value any, text func(*table)) error {
	switch o.format {
	case "json":
		encoder := json.NewEncoder(o.streams.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	case "yaml":
		data, err := yaml.Marshal(value)
		if err != nil {
			return fmt.Errorf("print as YAML: %w", err)
		}
		_, err = o.streams.Out.Write(data)
		return err
	}
	t := &table{terminal: o.streams.Terminal}
	text(t)
	return t.write(o)
}

// table is aligned text. Colour goes on whole rows by their mark, after
// alignment, so that it never shifts a column.
type table struct {
	terminal bool
	rows     [][]string
	marks    []mark
}

// mark says how a row is meant.
type mark int

const (
	plain mark = iota
	heading
	good
	bad
	waiting
)

func (t *table) row(cells ...string) { t.marked(plain, cells...) }

func (t *table) head(cells ...string) { t.marked(heading, cells...) }

func (t *table) marked(m mark, cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	t.rows = append(t.rows, cells)
	t.marks = append(t.marks, m)
}

// write aligns the rows and writes them.
func (t *table) write(o output) error {
	var text strings.Builder
	writer := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range t.rows {
		fmt.Fprintln(writer, strings.Join(row, "\t"))
	}
	if err := writer.Flush(); err != nil {
		return fmt.Errorf("align: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, " ")
		if t.terminal && i < len(t.marks) {
			line = colour(t.marks[i], line)
		}
		if _, err := fmt.Fprintln(o.streams.Out, line); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

func colour(m mark, line string) string {
	codes := map[mark]string{heading: "1", good: "32", bad: "31", waiting: "33"}
	code, found := codes[m]
	if !found {
		return line
	}
	return "\x1b[" + code + "m" + line + "\x1b[0m"
}

// printable takes control characters out of a cell: names and messages come
// from outside and must not steer the terminal.
func printable(cell string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, cell)
}

// age returns how long ago something was, in its largest unit.
func age(since, now time.Time) string {
	if since.IsZero() {
		return "-"
	}
	d := now.Sub(since)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// dash stands for nothing.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
