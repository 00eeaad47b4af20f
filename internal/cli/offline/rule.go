package offline

import (
	"errors"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
)

// Choice is a stage that a command was called for: its rule, and its name, which
// differs where a rule makes a stage per branch.
type Choice struct {
	Rule project.Stage
	Name string
}

// Choose finds the stage of a rule. A rule with a pattern makes a stage per
// branch, so a ref must say which.
func Choose(file *project.File, rule, ref string) (Choice, error) {
	if rule == "" {
		return Choice{}, exit.WrongUsage(errors.New("say which stage, with --stage; " + StageNames(file)))
	}
	found, err := FindRule(file, rule)
	if err != nil {
		return Choice{}, err
	}
	if ref == "" {
		if found.Pattern() {
			return Choice{}, exit.WrongUsage(errors.New("stage " + rule + " is made once per branch that matches " + found.Branch + "; say which with --ref"))
		}
		return Choice{Rule: found, Name: rule}, nil
	}
	full := refOf(found, ref)
	if !found.Feeds(full) {
		return Choice{}, fault.New(fault.Invalid, "%.100q does not feed stage %s, which takes %s; `slipway explain ref` tells what feeds what", full, rule, Feeds(found))
	}
	if found.Pattern() {
		return Choice{Rule: found, Name: naming.StageForRef(rule, full)}, nil
	}
	return Choice{Rule: found, Name: rule}, nil
}

// FindRule returns the stage rule of a name.
func FindRule(file *project.File, name string) (project.Stage, error) {
	rule, found := file.Stage(name)
	if !found {
		return project.Stage{}, fault.New(fault.NotFound, "there is no stage %.60q; %s", name, StageNames(file))
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

// Feeds says in words what feeds a stage.
func Feeds(rule project.Stage) string {
	if rule.Tag != "" {
		return "tag " + rule.Tag
	}
	return "branch " + rule.Branch
}

// StageNames says which stages there are.
func StageNames(file *project.File) string {
	var names []string
	for _, s := range file.Stages {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return "there are " + strings.Join(names, ", ")
}
