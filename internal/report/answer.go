package report

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/command"
	"github.com/slipway-dev/slipway/internal/scm"
)

// AnswerTo is the whole comment under a pull request of which nothing else is to be
// reported.
func AnswerTo(d *v1alpha1.Delivery) string { return title + answer(d) }

// answer says what the command of a comment came to. Commands are listed where
// somebody asked for that, or did not find one.
func answer(d *v1alpha1.Delivery) string {
	var text strings.Builder
	outcome, first, rest := "done", d.Status.Answer.Message, ""
	if d.Status.Answer.Refused {
		outcome = "not done"
	}
	first, rest, _ = strings.Cut(first, "\n")
	fmt.Fprintf(&text, "`%s` of `%s`: %s: `%s`\n", codeSpan(strings.TrimSpace(scm.CommandPrefix+" "+d.Spec.Command)), codeSpan(d.Spec.Actor), outcome, codeSpan(first))
	if rest != "" {
		text.WriteString("\n" + codeBlock("", rest) + "\n")
	}
	if c, err := command.Parse(d.Spec.Command); err != nil || c.Name == command.Help {
		writeSection(&text, "What may be typed:", usages())
	}
	return text.String()
}

// usages lists the commands.
func usages() []string {
	var lines []string
	for _, u := range command.Usages() {
		takes := ""
		if role := u.Role(); role != "" {
			takes = fmt.Sprintf(" (%s)", role)
		}
		lines = append(lines, fmt.Sprintf("`%s` %s%s", strings.TrimSpace(fmt.Sprintf("%s %s %s", scm.CommandPrefix, u.Name, u.Arguments)), u.Does, takes))
	}
	return lines
}

// Reaction is the sign under a comment that gave a command.
type Reaction struct {
	Repository  string // owner/name at the forge
	PullRequest int64
	Comment     string // the forge's id
	Reaction    scm.Reaction
}

// ReactionTo returns the reaction to a comment that was answered.
func ReactionTo(p *v1alpha1.Project, d *v1alpha1.Delivery) Reaction {
	sign := scm.ReactionDone
	if d.Status.Answer.Refused {
		sign = scm.ReactionRefused
	}
	return Reaction{Repository: p.Primary().Path, PullRequest: d.Spec.PullRequest, Comment: d.Spec.Comment, Reaction: sign}
}
