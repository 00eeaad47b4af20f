package hooks

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/scm/forges"
)

// learnTime is how long servers may take to learn a new secret; see the
// server's own cache of Secrets.
const learnTime = 15 * time.Second

// hooksCommand is what the hooks commands share.
type hooksCommand struct {
	control.Connection
	streams   stream.Streams
	format    string
	url       string
	allowHTTP bool
	wait      time.Duration
	finish    bool
}

// New returns the command hooks.
func New(streams stream.Streams) *cobra.Command {
	c := &hooksCommand{streams: streams}
	command := &cobra.Command{
		Use:     "hooks",
		Short:   "Make, list, repair and rotate the webhooks of a project at its forges",
		GroupID: "see",
		Long: `Make, list, repair and rotate the webhooks of a project at its forges.

Slipway speaks with each repository's forge with the credentials that the
Project names, which need the right to administer hooks. Whoever runs this
needs the right to read the project's Secrets, and to write that of its webhook.`,
	}
	command.AddCommand(c.listCommand(), c.syncCommand(), c.rotateCommand())
	return command
}

// hooksAction is what a command does for a project, given by its name.
type hooksAction func(all *webhooks, ctx context.Context, name string) ([]hookRow, error)

func (c *hooksCommand) command(use, brief, long string, run hooksAction) *cobra.Command {
	command := &cobra.Command{
		Use: use, Short: brief, Long: long, Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			made, err := c.Client()
			if err != nil {
				return err
			}
			all := &webhooks{client: made, forges: forges.All(), random: rand.Reader, namespace: c.Scope(), url: c.url, allowHTTP: c.allowHTTP, transport: dial.Unrestricted().Transport()}
			rows, err := run(all, command.Context(), args[0])
			if len(rows) > 0 {
				if printed := output.New(c.streams, c.format).Print(rows, func(t *output.Table) { hookTable(t, rows) }); printed != nil {
					return printed
				}
			}
			return err
		},
	}
	c.Connection.Flags(command)
	output.AddFlag(command, &c.format)
	flags := command.Flags()
	flags.StringVar(&c.url, "url", "", "the address at which forges reach Slipway, such as https://slipway.acme.example (default: that of a hook that is there)")
	flags.BoolVar(&c.allowHTTP, "allow-http", false, "allow plain http for forge APIs; for tests")
	return command
}

func (c *hooksCommand) listCommand() *cobra.Command {
	return c.command("list PROJECT", "List the hooks of a project's repositories",
		"List the hooks of a project's repositories, and which of them are Slipway's.", (*webhooks).list)
}

func (c *hooksCommand) syncCommand() *cobra.Command {
	command := c.command("sync PROJECT", "Make each repository have one right hook",
		`Make each repository have exactly one hook of the project: at the right address,
active, with the events that Slipway reads and the project's secret. A Secret
that is missing is made. It may be run at any time.`, (*webhooks).sync)
	command.Example = "  slipway hooks sync shop --organization acme --url https://slipway.acme.example"
	return command
}

func (c *hooksCommand) rotateCommand() *cobra.Command {
	run := func(all *webhooks, ctx context.Context, name string) ([]hookRow, error) {
		if c.finish {
			return nil, all.finish(ctx, name)
		}
		return all.rotate(ctx, name, c.wait)
	}
	command := c.command("rotate PROJECT", "Give the project's hooks a new secret, without losing a delivery",
		`Give the project's hooks a new secret, without losing a delivery.

The old secret stays valid beside the new one, so that deliveries on their way
and redeliveries are still accepted. Every server knows the new one before a
hook uses it. When nothing with the old one is expected any more, take it away
with --finish. A rotation that was interrupted is finished by the next one, or
by slipway hooks sync.`, run)
	command.Flags().DurationVar(&c.wait, "wait", learnTime, "how long servers may take to learn the new secret")
	command.Flags().BoolVar(&c.finish, "finish", false, "only take the old secret away")
	return command
}

// hookRow is a hook, and what was done to it.
type hookRow struct {
	Repository string   `json:"repository"`
	Forge      string   `json:"forge"`
	ID         string   `json:"id,omitempty"`
	URL        string   `json:"url,omitempty"`
	Slipway    bool     `json:"slipway"`
	Active     bool     `json:"active"`
	Events     []string `json:"events,omitempty"`
	// Did is created, repaired, kept, removed or skipped; empty in a list.
	Did string `json:"did,omitempty"`
	Why string `json:"why,omitempty"`
}

func hookTable(t *output.Table, rows []hookRow) {
	t.Head("REPOSITORY", "FORGE", "HOOK", "SLIPWAY", "ACTIVE", "DID", "URL", "WHY")
	for _, row := range rows {
		t.Marked(output.MarkOf(row.Active && row.Slipway, row.Did == "skipped"), row.Repository, row.Forge, output.Dash(row.ID), output.YesNo(row.Slipway), output.YesNo(row.Active), output.Dash(row.Did), output.Dash(row.URL), row.Why)
	}
}
