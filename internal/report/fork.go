package report

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/printable"
)

// FileDiff is how a file differs, as lines that begin with "-" or "+".
type FileDiff struct {
	Path string
	Text string // bounded
}

// maxDiffLines and maxDiffLine bound what is shown of one file that differs.
const (
	maxDiffLines = 40
	maxDiffLine  = 200
)

// DiffOf returns the lines that a file loses and gets.
func DiffOf(path, before, after string) FileDiff {
	var lines []string
	add := func(sign, of, other string) {
		left := map[string]int{}
		for line := range strings.Lines(other) {
			left[strings.TrimRight(line, "\r\n")]++
		}
		for line := range strings.Lines(of) {
			line = strings.TrimRight(line, "\r\n")
			if left[line]--; left[line] < 0 {
				lines = append(lines, sign+printable.Clip(printable.Lines(line), maxDiffLine))
			}
		}
	}
	add("-", before, after)
	add("+", after, before)
	if more := len(lines) - maxDiffLines; more > 0 {
		lines = append(lines[:maxDiffLines], fmt.Sprintf("and %d more lines", more))
	}
	return FileDiff{Path: path, Text: strings.Join(lines, "\n")}
}

// maxDiffs is how many files that differ are shown.
const maxDiffs = 5

// writeFork says what somebody is asked to approve.
func writeFork(text *strings.Builder, fork *ForkChange) {
	if fork == nil {
		return
	}
	fmt.Fprintf(text, "\nA maintainer who has looked at `%s` lets exactly this commit run with `/slipway approve %s`. It is built and runs apart from everything else: without secrets, and its pods reach nothing but each other.\n", codeSpan(fork.Commit), codeSpan(fork.Commit))
	if fork.Others > 0 {
		fmt.Fprintf(text, "\nWhat it changes is not shown while %d other pull requests of forks wait.\n", fork.Others)
		return
	}
	lines := make([]string, 0, len(fork.Lines))
	for _, line := range fork.Lines {
		lines = append(lines, "`"+codeSpan(printable.Line(line))+"`")
	}
	writeSection(text, "Compared with the trusted ref, it differs in what decides what runs:", lines)
	if len(lines) == 0 {
		text.WriteString("\nCompared with the trusted ref, it changes nothing that decides what runs.\n")
	}
	for _, diff := range fork.Diffs[:min(len(fork.Diffs), maxDiffs)] {
		fmt.Fprintf(text, "\n`%s`\n\n%s\n", codeSpan(printable.Line(diff.Path)), codeBlock("diff", diff.Text))
	}
}

// codeBlock returns a text as a block of code that it can't end.
func codeBlock(language, content string) string {
	fence := "```"
	for strings.Contains(content, fence) {
		fence += "`"
	}
	return fence + language + "\n" + printable.Lines(content) + "\n" + fence
}
