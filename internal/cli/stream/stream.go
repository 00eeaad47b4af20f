package stream

import (
	"io"
	"os"
)

// Streams are what a command reads and writes.
type Streams struct {
	Out, Err io.Writer
	In       io.Reader
	// Terminal is true when Out is a terminal: then there is colour, and
	// progress may be redrawn.
	Terminal bool
}

// isTerminal reports whether a file is a terminal.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Standard returns the streams of the process. NO_COLOR turns colour off.
func Standard(noColour bool) Streams {
	return Streams{Out: os.Stdout, Err: os.Stderr, In: os.Stdin, Terminal: isTerminal(os.Stdout) && !noColour}
}
