package scm

import "strings"

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

// Command begins a line of a comment that is meant for Slipway.
const Command = "/slipway"

// Addressed reports whether any line of the comment is meant for Slipway.
func (c *PostedComment) Addressed() bool {
	for line := range strings.SplitSeq(c.Body, "\n") {
		rest, found := strings.CutPrefix(strings.TrimSpace(line), Command)
		if found && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			return true
		}
	}
	return false
}
