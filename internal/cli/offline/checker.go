package offline

import (
	"context"
	"io/fs"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release/runner"
)

// Checker renders the first stage of a project file that is not written yet, and
// says what would be refused.
type Checker struct{ rendering *Rendering }

// NewChecker returns a checker that renders with a cluster's default policy.
func NewChecker(rendering *Rendering, renderer runner.Renderer) (Checker, error) {
	if err := rendering.Load(); err != nil {
		return Checker{}, err
	}
	rendering.AssumeDomain()
	if rendering.Organization == "" {
		rendering.Organization = localOrganization
	}
	rendering.shared = renderer
	return Checker{rendering}, nil
}

// Check returns the reasons against the services, none when they are allowed.
func (c Checker) Check(ctx context.Context, files fs.FS, document *projectfile.Document) ([]string, error) {
	rule := document.File.Stages[0]
	made, err := c.rendering.RenderStage(ctx, Snapshot{Files: files, Document: document}, rule, c.rendering.Place(document.File.Project, rule.Name))
	if code := fault.CodeOf(err); err != nil && (code == fault.Invalid || code == fault.NotFound || code == fault.Denied) {
		return strings.Split(fault.MessageOf(err), "\n"), nil
	}
	if err != nil {
		return nil, err
	}
	var reasons []string
	for _, finding := range made.Findings {
		reasons = append(reasons, finding.String())
	}
	return reasons, nil
}
