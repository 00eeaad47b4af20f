package render

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/compare"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
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
	Manifests []json.RawMessage `json:"manifests"`
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
	offline.Rendering
	stageName string
	ref       string
	format    string
}

// NewRender returns the command render.
func NewRender(streams stream.Streams) *cobra.Command {
	r := &renderCommand{Rendering: offline.Rendering{Repository: offline.Repository{Streams: streams}}}
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
	r.Flags(command)
	offline.StageFlags(command, &r.stageName, &r.ref)
	output.AddFlag(command, &r.format)
	return command
}

func (r *renderCommand) run(ctx context.Context) error {
	made, err := r.RenderChosen(ctx, r.stageName, r.ref)
	if err != nil {
		return err
	}
	if r.format == "text" {
		if _, err := r.Streams.Out.Write(made.Result.Manifests); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	} else if err := r.structured(made); err != nil {
		return err
	}
	r.Report(made)
	if len(made.Findings) > 0 {
		return exit.Found(len(made.Findings))
	}
	return nil
}

func (r *renderCommand) structured(made offline.Rendered) error {
	objects, err := compare.DecodeObjects(made.Result.Manifests)
	if err != nil {
		return err
	}
	value := renderedStage{
		Project:   made.Request.Project,
		Stage:     made.Request.Stage,
		Namespace: made.Request.Namespace,
		Commit:    made.Request.Commit,
		Images:    made.Request.Images,
		Tags:      r.Tags(made),
		Secrets:   made.Result.Secrets,
		Warnings:  made.Result.Warnings,
		Findings:  findingsOf(made.Findings),
		Manifests: []json.RawMessage{},
	}
	for _, object := range objects {
		text, err := object.JSON()
		if err != nil {
			return err
		}
		value.Manifests = append(value.Manifests, text)
	}
	return output.New(r.Streams, r.format).Print(value, nil)
}

func findingsOf(findings []guard.Finding) []finding {
	var all []finding
	for _, f := range findings {
		all = append(all, finding{f.Object, f.Field, string(f.Rule), f.File, f.Message})
	}
	return all
}
