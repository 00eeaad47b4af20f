package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
)

// chosen is a stage that a command is about.
type chosen struct {
	rule project.Stage
	name string
}

// choose finds the stage of a rule. A rule with a pattern makes a stage per
// branch, so a ref must say which.
func choose(file *project.File, rule, ref string) (chosen, error) {
	if rule == "" {
		return chosen{}, wrongUsage(errors.New("say which stage, with --stage; " + stageNames(file)))
	}
	found, err := findRule(file, rule)
	if err != nil {
		return chosen{}, err
	}
	if ref == "" {
		if found.Pattern() {
			return chosen{}, wrongUsage(errors.New("stage " + rule + " is made once per branch that matches " + found.Branch + "; say which with --ref"))
		}
		return chosen{rule: found, name: rule}, nil
	}
	full := refOf(found, ref)
	if !found.Feeds(full) {
		return chosen{}, fault.New(fault.Invalid, "%.100q does not feed stage %s, which takes %s; `slipway explain ref` tells what feeds what", full, rule, feeds(found))
	}
	if found.Pattern() {
		return chosen{rule: found, name: naming.StageForRef(rule, full)}, nil
	}
	return chosen{rule: found, name: rule}, nil
}

func findRule(file *project.File, name string) (project.Stage, error) {
	rule, found := file.Stage(name)
	if !found {
		return project.Stage{}, fault.New(fault.NotFound, "there is no stage %.60q; %s", name, stageNames(file))
	}
	return rule, nil
}

// refOf completes a short name of a ref to what the rule looks at.
func refOf(rule project.Stage, ref string) string {
	switch {
	case strings.HasPrefix(ref, "refs/"):
		return ref
	case rule.Tag != "":
		return "refs/tags/" + ref
	}
	return "refs/heads/" + ref
}

// feeds says in words what feeds a stage.
func feeds(rule project.Stage) string {
	if rule.Tag != "" {
		return "tag " + rule.Tag
	}
	return "branch " + rule.Branch
}

func stageNames(file *project.File) string {
	var names []string
	for _, s := range file.Stages {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return "there are " + strings.Join(names, ", ")
}
