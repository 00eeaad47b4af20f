package simulate

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/command"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/operate"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/scm"
)

// simulation is what a delivery leads to.
type simulation struct {
	Event scm.Event `json:"event"`
	// Ignored is the reason why the receiver ignores it; empty when it
	// keeps it.
	Ignored string `json:"ignored,omitempty"`
	// Trusted is the ref that the project file is taken from, at FileCommit.
	Trusted    string           `json:"trusted,omitempty"`
	FileCommit string           `json:"fileCommit,omitempty"`
	Stages     []simulatedStage `json:"stages,omitempty"`
}

// What becomes of a stage.
const (
	outcomeReleases = "releases"
	outcomeHeld     = "held"
	outcomeWaits    = "waits" // nothing happens by itself
	outcomeDeleted  = "deleted"
	outcomeKept     = "kept"
)

// simulatedStage is what becomes of one stage.
type simulatedStage struct {
	Stage     string            `json:"stage"`
	Rule      string            `json:"rule"`
	Ref       string            `json:"ref"`
	Namespace string            `json:"namespace"`
	Commit    string            `json:"commit,omitempty"`
	Outcome   string            `json:"outcome"`
	Why       string            `json:"why,omitempty"`
	Services  []simulatedChange `json:"services,omitempty"`
}

// simulatedChange is what becomes of one built service.
type simulatedChange struct {
	Service string `json:"service"`
	Build   bool   `json:"build"`
	Why     string `json:"why"`
}

func changesOf(decision plan.Decision) []simulatedChange {
	var changes []simulatedChange
	for _, s := range decision.Services {
		changes = append(changes, simulatedChange{Service: s.Name, Build: s.Build, Why: s.Why})
	}
	return changes
}

// held counts the releases that would be held.
func (s simulation) held() int {
	n := 0
	for _, stage := range s.Stages {
		if stage.Outcome == outcomeHeld {
			n++
		}
	}
	return n
}

func (s simulation) text(t *output.Table, planned bool) {
	for _, event := range s.Event.Each() {
		t.Row(sentenceOf(event))
	}
	switch {
	case s.Ignored != "":
		t.Marked(output.Waiting, "ignored: "+s.Ignored)
		return
	case !planned:
		t.Row("the project is synced; give --repo to see what comes of it")
		return
	}
	t.Row(fmt.Sprintf("slipway.yaml of %s at %s applies", s.Trusted, operate.ShortCommit(s.FileCommit)))
	if len(s.Stages) == 0 {
		t.Row("the project is synced, and no stage changes")
	}
	for _, stage := range s.Stages {
		m := map[string]output.Mark{outcomeReleases: output.Good, outcomeHeld: output.Waiting, outcomeDeleted: output.Bad}[stage.Outcome]
		line := fmt.Sprintf("stage %s (%s): %s", stage.Stage, stage.Namespace, stage.Outcome)
		if stage.Outcome == outcomeReleases {
			line += " commit " + operate.ShortCommit(stage.Commit)
		}
		if stage.Why != "" {
			line += ": " + stage.Why
		}
		t.Marked(m, line)
		for _, change := range stage.Services {
			t.Row("  " + change.Service + " is " + change.Why)
		}
	}
}

// sentenceOf says in words what an event is.
func sentenceOf(e scm.Event) string {
	who := cmp.Or(e.Actor, "somebody")
	switch e.Kind {
	case scm.KindPush, scm.KindTag:
		verb := "pushed"
		if e.Forced {
			verb = "force-pushed"
		}
		return fmt.Sprintf("%s %s %s of %s: %s to %s", who, verb, e.Ref, e.Repository, output.Dash(operate.ShortCommit(e.Before)), output.Dash(operate.ShortCommit(e.After)))
	case scm.KindDelete:
		return fmt.Sprintf("%s deleted %s of %s", who, e.Ref, e.Repository)
	case scm.KindComment:
		return commandSentence(e, who)
	case scm.KindPullRequest:
		return fmt.Sprintf("pull request %d of %s was %s by %s", e.PullRequest.Number, e.Repository, e.PullRequest.Action, who)
	case scm.KindCheck:
		return fmt.Sprintf("check %s of %s at %s ended: %s", e.Check.Name, e.Repository, operate.ShortCommit(e.After), e.Check.State)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s", e.Name, e.Repository))
}

// commandSentence says what a comment asks for, and whom that takes.
func commandSentence(e scm.Event, who string) string {
	text, _ := e.Comment.Command()
	sentence := fmt.Sprintf("%s asks under pull request %d of %s: %s %s", who, e.PullRequest.Number, e.Repository, scm.CommandPrefix, text)
	c, err := command.Parse(text)
	if err != nil {
		return sentence + "; " + fault.MessageOf(err)
	}
	for _, usage := range command.Usages() {
		if usage.Name == c.Name && usage.Role() != "" {
			return fmt.Sprintf("%s; it %s, and takes the role %s", sentence, usage.Does, usage.Role())
		}
	}
	return sentence
}
