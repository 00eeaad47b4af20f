package scm

import (
	"strings"

	"github.com/slipway-dev/slipway/internal/printable"
)

// ownPrefix begins the name of every status, check and hidden mark that Slipway
// itself sets, so that its reports don't wake it up again.
const ownPrefix = "slipway/"

// Context returns the name under which a stage is reported on a commit.
func Context(stage string) string { return ownPrefix + stage }

// ProjectContext is the name under which a project's stages are reported together
// on a commit.
const ProjectContext = "slipway"

// Own reports whether a check is Slipway's own.
func Own(check string) bool { return check == ProjectContext || strings.HasPrefix(check, ownPrefix) }

// mark begins the hidden line of Slipway's comments: a link definition that
// nothing refers to. Unlike an HTML comment it is hidden by every forge.
const mark = "[//]: # (" + ownPrefix

// Marker returns the hidden line by which Slipway finds its own comment again.
func Marker(topic string) string {
	return mark + strings.Map(func(r rune) rune {
		if strings.ContainsRune("()[]\\\n\r", r) {
			return '-'
		}
		return r
	}, topic) + ")"
}

// Mark returns the body of a comment with its hidden line.
func (n Comment) Mark() string { return Marker(n.Topic) + "\n\n" + n.Body }

// Marked reports whether a text at the forge is this comment, in its present or
// an earlier version. The caller also checks the author: anyone can write the
// hidden line.
func (n Comment) Marked(body string) bool { return strings.HasPrefix(body, Marker(n.Topic)) }

// OwnComment reports whether a comment is one of Slipway's.
func OwnComment(body string) bool { return strings.HasPrefix(body, mark) }

// CommandPrefix begins a line of a comment that is meant for Slipway.
const CommandPrefix = "/slipway"

// maxCommand bounds what is read of such a line, in bytes.
const maxCommand = 256

// Command returns what the first line that is meant for Slipway asks for, without the
// prefix; false when there is none. A quotation, code, and what a browser hides are
// meant for nobody: people copy texts whose every line they have not read.
func (c *PostedComment) Command() (text string, addressed bool) {
	fence, hidden := "", false
	for line := range strings.SplitSeq(c.Body, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case hidden:
			hidden = !strings.Contains(line, "-->")
			continue
		case fence != "":
			if own := fenceOf(trimmed); own == trimmed && strings.HasPrefix(own, fence) {
				fence = ""
			}
			continue
		case fenceOf(trimmed) != "":
			fence = fenceOf(trimmed)
			continue
		case strings.HasPrefix(line, "    "), strings.HasPrefix(line, "\t"):
			continue
		}
		if _, comment, opens := strings.Cut(line, "<!--"); opens {
			hidden = !strings.Contains(comment, "-->")
		}
		rest, found := strings.CutPrefix(trimmed, CommandPrefix)
		if found && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			return printable.Excerpt(rest, maxCommand), true
		}
	}
	return "", false
}

// fenceOf returns the signs that begin a block of code at the start of a line, empty for
// none. At least as many of the same, alone on a line, end the block.
func fenceOf(line string) string {
	for _, sign := range []string{"`", "~"} {
		if length := len(line) - len(strings.TrimLeft(line, sign)); length >= 3 {
			return line[:length]
		}
	}
	return ""
}

// IsBot reports whether a login is that of a program, by the forges' conventions:
// GitHub Apps, GitLab's access tokens, and the well-known ones that have accounts.
func IsBot(login string) bool {
	login = strings.ToLower(login)
	for _, name := range []string{"dependabot", "renovate", "renovate-bot", "snyk-bot", "github-actions"} {
		if login == name {
			return true
		}
	}
	token := strings.HasPrefix(login, "project_") || strings.HasPrefix(login, "group_")
	return strings.HasSuffix(login, "[bot]") || token && strings.Contains(login, "_bot")
}
