package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/render"
)

// renderedStage is a rendered stage as JSON or YAML.
type renderedStage struct {
	Project   string            `json:"project"`
	Stage     string            `json:"stage"`
	Namespace string            `json:"namespace"`
	Commit    string            `json:"commit,omitempty"`
	Images    map[string]string `json:"images,omitempty"`
	Tags      []string          `json:"tags,omitempty"`
	Secrets   []render.Secret   `json:"secrets,omitempty"`
	Warnings  []string          `json:"warnings,omitempty"`
	Findings  []finding         `json:"findings,omitempty"`
	Manifests []map[string]any  `json:"manifests"`
}

// finding is something that a stage may not hold.
type finding struct {
	Object  string `json:"object"`
	Field   string `json:"field,omitempty"`
	Rule    string `json:"rule"`
	File    string `json:"file,omitempty"`
	Message string `json:"message"`
}

type renderCommand struct {
	rendering
	stageName string
	ref       string
	format    string
}

func newRender(streams Streams) *cobra.Command {
	r := &renderCommand{rendering: rendering{repository: repository{streams: streams}}}
	command := &cobra.Command{
		Use:     "render --stage STAGE",
		Short:   "Print the manifests of a stage, as the server would apply them",
		GroupID: "repository",
		Long: `Print the manifests of a stage, rendered by the code that the server runs.

The namespace depends on the organization, and hosts on the cluster's domain:
give them with --organization and --domain, or name a file with the Cluster
object with --cluster, which also holds the manifests to its policy. Images that
Slipway builds have a digest of zeros unless --images gives them. With the
organization, the cluster and all images given, the bytes are those that the
server applies.

Warnings go to standard error. So do objects that the server would refuse; then
the exit code is 3.`,
		Example: `  slipway render --stage staging
  slipway render --stage feature --ref feature/login --commit HEAD
  slipway render --stage production --organization acme --cluster cluster.yaml \
    --images web=registry.example/acme/shop@sha256:…`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return r.run(command.Context()) },
	}
	r.flags(command)
	stageFlags(command, &r.stageName, &r.ref)
	outputFlag(command, &r.format)
	return command
}

func (r *renderCommand) run(ctx context.Context) error {
	made, err := r.chosen(ctx, r.stageName, r.ref)
	if err != nil {
		return err
	}
	if r.format == "text" {
		if _, err := r.streams.Out.Write(made.result.Manifests); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	} else if err := r.structured(made); err != nil {
		return err
	}
	r.tell(made)
	if len(made.findings) > 0 {
		return findings(len(made.findings))
	}
	return nil
}

func (r *renderCommand) structured(made rendered) error {
	objects, err := decodeObjects(made.result.Manifests)
	if err != nil {
		return err
	}
	value := renderedStage{
		Project:   made.request.Project,
		Stage:     made.request.Stage,
		Namespace: made.request.Namespace,
		Commit:    made.request.Commit,
		Images:    made.request.Images,
		Tags:      r.tags(made),
		Secrets:   made.result.Secrets,
		Warnings:  made.result.Warnings,
		Findings:  findingsOf(made.findings),
		Manifests: []map[string]any{},
	}
	for _, object := range objects {
		value.Manifests = append(value.Manifests, object.fields)
	}
	return newOutput(r.streams, r.format).print(value, nil)
}

func findingsOf(findings []guard.Finding) []finding {
	var all []finding
	for _, f := range findings {
		all = append(all, finding{f.Object, f.Field, string(f.Rule), f.File, f.Message})
	}
	return all
}
