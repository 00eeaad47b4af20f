package github

import (
	"context"
	"fmt"
	"slices"

	api "github.com/google/go-github/v62/github"

	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

const (
	// annotationsPerCall is GitHub's limit; the rest follows in later calls.
	annotationsPerCall = 50
	// maxAnnotations bounds how many are shown of one check.
	maxAnnotations = 200
	maxSummary     = 60_000
	maxMessage     = 4_000
)

// Annotate makes a check run with the findings at their lines. GitHub shows
// the newest of a name, and lets only Apps make them.
func (r *Reporter) Annotate(ctx context.Context, f scm.Findings) error {
	const operation = "write the check's annotations"
	owner, name, err := split(f.Repository)
	if err != nil {
		return err
	}
	commit, err := scm.FullCommit(operation, f.Commit)
	if err != nil {
		return err
	}
	shown := annotations(f.Found)
	first, rest := shown[:min(len(shown), annotationsPerCall)], shown[min(len(shown), annotationsPerCall):]
	options := api.CreateCheckRunOptions{Name: f.Name, HeadSHA: commit, Output: output(f, first)}
	options.Status, options.Conclusion = conclusion(f.State)
	if f.URL != "" {
		options.DetailsURL = &f.URL
	}
	if options.Conclusion != nil {
		options.CompletedAt = &api.Timestamp{Time: r.now()}
	}
	run, _, err := r.client.Checks.CreateCheckRun(ctx, owner, name, options)
	if err != nil {
		return r.coded(operation, err)
	}
	for chunk := range slices.Chunk(rest, annotationsPerCall) {
		more := api.UpdateCheckRunOptions{Name: f.Name, Output: output(f, chunk)}
		if _, _, err := r.client.Checks.UpdateCheckRun(ctx, owner, name, run.GetID(), more); err != nil {
			return r.coded(operation, err)
		}
	}
	return nil
}

func output(f scm.Findings, shown []*api.CheckRunAnnotation) *api.CheckRunOutput {
	summary := printable.Passage(f.Summary, maxSummary)
	if n := len(f.Found) - maxAnnotations; n > 0 {
		summary += fmt.Sprintf("\n\nOnly the first %d findings are shown; there are %d more.", maxAnnotations, n)
	}
	title := scm.Describe(f.Title, scm.MaxDescription)
	return &api.CheckRunOutput{Title: &title, Summary: &summary, Annotations: shown}
}

func annotations(found []scm.Finding) []*api.CheckRunAnnotation {
	var list []*api.CheckRunAnnotation
	for _, finding := range found[:min(len(found), maxAnnotations)] {
		line := max(finding.Line, 1)
		level := "failure"
		if finding.Warning {
			level = "warning"
		}
		annotation := &api.CheckRunAnnotation{
			Path: &finding.Path, StartLine: &line, EndLine: &line, AnnotationLevel: &level,
			Message: api.String(printable.Passage(finding.Message, maxMessage)),
		}
		if finding.Column > 0 {
			annotation.StartColumn, annotation.EndColumn = &finding.Column, &finding.Column
		}
		list = append(list, annotation)
	}
	return list
}

// conclusion translates a state; a check that hasn't ended has no conclusion.
func conclusion(state scm.State) (status, concluded *string) {
	switch state {
	case scm.StatePending:
		return api.String("in_progress"), nil
	case scm.StateSuccess:
		return api.String("completed"), api.String("success")
	}
	return api.String("completed"), api.String("failure")
}
