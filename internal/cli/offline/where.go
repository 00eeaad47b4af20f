package offline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// Gates are what a deploy waits for besides the right to it.
func Gates(doc *projectfile.Document, rule project.Stage) []string {
	var all []string
	if len(rule.Requires.Checks) > 0 {
		all = append(all, fmt.Sprintf("the checks %s must pass (%s)", strings.Join(rule.Requires.Checks, ", "), WhereStage(doc, rule.Name, "requires.checks")))
	}
	if rule.Requires.Approvals > 0 {
		all = append(all, fmt.Sprintf("%d of those who may approve must (%s)", rule.Requires.Approvals, WhereStage(doc, rule.Name, "requires.approvals")))
	}
	if rule.PromoteFrom != "" {
		all = append(all, fmt.Sprintf("it takes the images that run in stage %s (%s)", rule.PromoteFrom, WhereStage(doc, rule.Name, "promoteFrom")))
	}
	for i, window := range rule.Freeze {
		all = append(all, fmt.Sprintf("it is frozen from %s until %s (%s)", window.From, window.Until, WhereStage(doc, rule.Name, fmt.Sprintf("freeze[%d]", i))))
	}
	return all
}

// WhereStage returns the place of a field of a stage rule.
func WhereStage(doc *projectfile.Document, rule, field string) string {
	index := slices.IndexFunc(doc.File.Stages, func(s project.Stage) bool { return s.Name == rule })
	return Where(doc, fmt.Sprintf("stages[%d].%s", index, field))
}

// Where returns the place of a path of the project file, or of what holds
// it.
func Where(doc *projectfile.Document, path string) string {
	if file, line, column := doc.Where(path); line > 0 {
		return fmt.Sprintf("%s:%d:%d", file, line, column)
	}
	line, column := Position(doc, path)
	return fmt.Sprintf("%s:%d:%d", project.FileName, line, column)
}

// Position returns the place of a path, or of the nearest part above it that
// is written in the file.
func Position(doc *projectfile.Document, path string) (line, column int) {
	for path != "" {
		if line, column := doc.Position(path); line > 0 {
			return line, column
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1, 1
}
