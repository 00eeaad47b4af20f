package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/cmd/gate"
	"github.com/slipway-dev/slipway/internal/cli/cmd/server"
	"github.com/slipway-dev/slipway/internal/cli/cmd/version"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

const manual = `Slipway turns a git push into a running stage on Kubernetes.

A team edits slipway.yaml in its repository. A push builds what changed inside
the cluster, renders a Kustomize overlay, applies it, waits until it is ready
and reports back to the commit.

What runs:
  slipway status                    every stage and service: commit, image, ready, URL
  slipway releases shop production  each release: commit, by whom, how it ended
  slipway diff shop production      what others changed in what is live
  slipway deliveries list shop      what the forge sent, and what resulted
  slipway hooks sync shop           makes, repairs and rotates webhooks

What changes it, waiting until it is live:
  slipway deploy shop staging       the newest commit, or the one of --commit
  slipway rollback shop production  the last good release, as it was, in seconds
  slipway promote shop production   exactly the images that run in staging
  slipway approve shop production   a held release goes on; reject ends it
  slipway restart shop production   also: scale, sleep, wake, pause, resume

What will run, in any git repository and without a cluster:
  slipway init                      looks at a repository and writes its slipway.yaml
  slipway validate                  every mistake in slipway.yaml, with its place
  slipway render --stage S          the manifests, by the code that the server runs
  slipway diff --stage S            what the working tree changes in them
  slipway explain ref main          which stages a branch feeds, and where they are
  slipway can alice deploy S        who may do what, and why
  slipway simulate                  what the server would make of a webhook
  slipway seal SECRET KEY           encrypts a secret value for slipway.yaml
  slipway eject --stage S           plain Kustomize, for a life without Slipway

Every command that answers takes -o text, json or yaml. Commands about a cluster
act as the user of your kubeconfig; -n names the organization.

Exit codes: 0 fine, 1 error, 2 wrong usage, 3 findings, or refused, 4 it was done
but did not go live (failed, rejected, overtaken), 5 held until someone approves.`

// groupRepository are the commands that work in a repository.
const groupRepository = "repository"

// Build says what was compiled.
type Build = version.Build

// Roles are what the commands do that run until they are ended.
type Roles struct {
	Server server.Serve
	Gate   gate.Serve
}

// Run runs the command line and returns the exit code.
func Run(ctx context.Context, args []string, streams stream.Streams, build Build, roles Roles) int {
	root := New(streams, build, roles)
	root.SetArgs(args)
	code, message := exit.Of(root.ExecuteContext(ctx))
	if message != "" {
		fmt.Fprintf(streams.Err, "slipway: %s\n", message)
	}
	if code == exit.Usage {
		fmt.Fprintln(streams.Err, "Run 'slipway --help' for how it is used.")
	}
	return code
}

// New returns the root command.
func New(streams stream.Streams, build Build, roles Roles) *cobra.Command {
	root := &cobra.Command{
		Use:           "slipway",
		Short:         "Turn a git push into a running stage on Kubernetes",
		Long:          manual,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.SetIn(streams.In)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit.WrongUsage(err) })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddGroup(
		&cobra.Group{ID: "see", Title: "See what runs:"},
		&cobra.Group{ID: "life", Title: "Change what runs:"},
		&cobra.Group{ID: groupRepository, Title: "Work in a repository, without a cluster:"},
		&cobra.Group{ID: "serve", Title: "Serve:"},
	)
	root.PersistentPreRun = func(command *cobra.Command, _ []string) {
		if inRepository(command) {
			offline.BoundMemory()
		}
	}
	root.AddCommand(commands(streams, build, roles)...)
	wrapArgs(root)
	return root
}

// inRepository reports whether a command reads a repository of whoever calls it, and
// whatever may be in it.
func inRepository(command *cobra.Command) bool {
	for at := command; at != nil; at = at.Parent() {
		if at.GroupID == groupRepository {
			return true
		}
	}
	return command.Name() == "diff" && command.Flags().Changed("stage")
}

// wrapArgs makes wrong arguments usage errors, in every command.
func wrapArgs(command *cobra.Command) {
	if check := command.Args; check != nil {
		command.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return exit.WrongUsage(err)
			}
			return nil
		}
	}
	for _, sub := range command.Commands() {
		wrapArgs(sub)
	}
}
