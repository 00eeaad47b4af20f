package file

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
)

// sampleBranch stands for what a pattern's stars match.
const sampleBranch = "example"

// remark is something that rendering stages brought up.
type remark struct {
	// Stages are the names of the rules whose stages it is about.
	Stages  []string `json:"stages"`
	Message string   `json:"message"`
}

// remarks are what rendering all stages brought up: each sentence once, in the order
// in which they came first.
type remarks []remark

func (r *remarks) add(stage, message string) {
	at := slices.IndexFunc(*r, func(one remark) bool { return one.Message == message })
	switch {
	case at < 0:
		*r = append(*r, remark{[]string{stage}, message})
	case !slices.Contains((*r)[at].Stages, stage):
		(*r)[at].Stages = append((*r)[at].Stages, stage)
	}
}

// text returns a line for people, which begins with the place, as editors want it. All
// is how many stages there are.
func (r remark) text(all int) string {
	switch len(r.Stages) {
	case all:
		return r.Message
	case 1:
		return r.Message + " (stage " + r.Stages[0] + ")"
	}
	return r.Message + " (stages " + strings.Join(r.Stages, ", ") + ")"
}

// renderStages renders the stage of every rule as the server would, and tells what it
// would refuse, and warn about.
func (v *validateCommand) renderStages(ctx context.Context, from offline.Snapshot) (refusals, warnings remarks, err error) {
	end := v.Share(ctx)
	defer end()
	for _, rule := range from.Document.File.Stages {
		rendered, failed := v.renderStage(ctx, from, rule)
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		for _, err := range failed {
			for line := range strings.Lines(exit.MessageOf(err)) {
				refusals.add(rule.Name, strings.TrimRight(line, "\n"))
			}
		}
		for _, made := range rendered {
			for _, warning := range made.Result.Warnings {
				warnings.add(rule.Name, warning)
			}
			for _, finding := range made.Findings {
				refusals.add(rule.Name, finding.String())
			}
		}
	}
	return refusals, warnings, nil
}

// renderStage renders the stage of a rule. Where that fails, each service is rendered
// alone, so that the mistakes of one hide none of another.
func (v *validateCommand) renderStage(ctx context.Context, from offline.Snapshot, rule project.Stage) ([]offline.Rendered, []error) {
	at := v.Place(from.Document.File.Project, sampleOf(rule))
	made, err := v.RenderStage(ctx, from, rule, at)
	if err == nil {
		return []offline.Rendered{made}, nil
	}
	apart, failed := v.RenderApart(ctx, from, rule, at)
	if len(failed) == 0 {
		failed = []error{err}
	}
	return apart, failed
}

// sampleOf names a stage of a rule: for a pattern, that of a branch that matches.
func sampleOf(rule project.Stage) string {
	if !rule.Pattern() {
		return rule.Name
	}
	kind, pattern := "refs/heads/", rule.Branch
	if rule.Tag != "" {
		kind, pattern = "refs/tags/", rule.Tag
	}
	return naming.StageForRef(rule.Name, kind+strings.ReplaceAll(pattern, "*", sampleBranch))
}
