package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Printer prints a command's result in the format that was asked for.
type Printer struct {
	streams stream.Streams
	format  string
}

// New returns a printer for one of the formats of AddFlag.
func New(streams stream.Streams, format string) Printer { return Printer{streams, format} }

// AddFlag adds -o to a command. The default is text.
func AddFlag(command *cobra.Command, format *string) {
	*format = "text"
	command.Flags().VarP((*formatFlag)(format), "output", "o", "how to print: text, json or yaml")
}

// formatFlag is the value of -o. An unknown format is refused before the
// command does anything.
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

// Print writes a value as JSON or YAML, or lets text fill a table.
func (o Printer) Print(value any, text func(*Table)) error {
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
	t := &Table{terminal: o.streams.Terminal}
	text(t)
	return t.write(o)
}

// Table is aligned text. Colour goes on whole rows by their mark, after
// alignment, so that it never shifts a column.
type Table struct {
	terminal bool
	rows     [][]string
	marks    []Mark
}

// Mark says how a row is meant.
type Mark int

// Marks, and the colours that they have on a terminal.
const (
	plain   Mark = iota
	Heading      // bold
	Good         // green
	Bad          // red
	Waiting      // yellow
)

// Row adds a row.
func (t *Table) Row(cells ...string) { t.Marked(plain, cells...) }

// Head adds a row of column names.
func (t *Table) Head(cells ...string) { t.Marked(Heading, cells...) }

// Marked adds a row with a mark.
func (t *Table) Marked(m Mark, cells ...string) {
	for i := range cells {
		cells[i] = Printable(cells[i])
	}
	t.rows = append(t.rows, cells)
	t.marks = append(t.marks, m)
}

// write aligns the rows and writes them.
func (t *Table) write(o Printer) error {
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
			line = Colour(t.marks[i], line)
		}
		if _, err := fmt.Fprintln(o.streams.Out, line); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	return nil
}

// Colour gives a line the colour of a mark, for a terminal.
func Colour(m Mark, line string) string {
	codes := map[Mark]string{Heading: "1", Good: "32", Bad: "31", Waiting: "33"}
	code, found := codes[m]
	if !found {
		return line
	}
	return "\x1b[" + code + "m" + line + "\x1b[0m"
}

// Printable returns a cell, or a line, that can't control the terminal: names and
// messages come from outside. Unlike printable.Line it keeps runs of spaces.
func Printable(cell string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(printable.Lines(cell))
}

// Age says how long ago something was, in its largest unit.
func Age(since, now time.Time) string {
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

// Dash returns a dash for an empty text.
func Dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
