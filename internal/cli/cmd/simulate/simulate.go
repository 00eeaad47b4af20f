package simulate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/forges"
)

// simulateCommand says what the server would make of a delivery.
type simulateCommand struct {
	streams stream.Streams
	format  string

	forge, event, payload string
	headers               []string

	directory, organization, trusted string
	commit, before                   string
	groups, passed, failed           []string
	now                              func() time.Time
}

// New returns the command simulate.
func New(streams stream.Streams) *cobra.Command {
	c := &simulateCommand{streams: streams, now: time.Now}
	command := &cobra.Command{
		Use:     "simulate --forge FORGE --event EVENT --payload FILE",
		Short:   "Tell what the server would make of a webhook, offline",
		GroupID: "repository",
		Long: `Tell what the server would make of a webhook, offline.

The payload is read, and planned for, by the code that the server runs. With
--repo the plan is made from that repository: which stages the event is about,
who may deploy to them, what holds a release up, and which services would be
built, and why. Without, only what the event says.

What only the server knows is left out: which images the registry holds, and
the digests of base images. What only the forge knows is given by flags.

The exit code is 0 when something would be released, or there is nothing to do,
and 3 when a release would be held.`,
		Example: `  slipway simulate --forge github --event push --payload push.json --repo .
  slipway simulate --forge gitlab --event "Push Hook" --payload push.json --repo . --commit HEAD -o json`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return c.run(command.Context()) },
	}
	c.flags(command)
	return command
}

func (c *simulateCommand) flags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&c.forge, "forge", "", "the forge: "+strings.Join(forgeNames(), ", "))
	flags.StringVar(&c.event, "event", "", "the event, as the forge's header names it")
	flags.StringVar(&c.payload, "payload", "", "file with the body of the delivery")
	flags.StringArrayVar(&c.headers, "header", nil, "another header of the delivery, NAME=VALUE; repeatable")
	flags.StringVar(&c.directory, "repo", "", "the repository, or a directory in it")
	flags.StringVar(&c.trusted, "trusted", "", "the branch that slipway.yaml is taken from (default: the remote's default branch, or the one checked out)")
	flags.StringVar(&c.commit, "commit", "", "what stands for the commit that was pushed, when the repository has another")
	flags.StringVar(&c.before, "before", "", "what stands for the commit before the push")
	flags.StringVar(&c.organization, "organization", "local", "the organization; it is part of the namespace's name")
	flags.StringSliceVar(&c.groups, "group", nil, "a group at the forge that who pushed belongs to")
	flags.StringSliceVar(&c.passed, "passed", nil, "a check of the commit that passed")
	flags.StringSliceVar(&c.failed, "failed", nil, "a check of the commit that failed")
	output.AddFlag(command, &c.format)
	for _, name := range []string{"forge", "event", "payload"} {
		_ = command.MarkFlagRequired(name) // the flag is defined above
	}
}

func forgeNames() []string { return slices.Sorted(maps.Keys(forges.All())) }

func (c *simulateCommand) run(ctx context.Context) error {
	event, err := c.read()
	if err != nil {
		return err
	}
	answer := simulation{Event: event}
	if answer.Ignored = event.Uninteresting(); answer.Ignored == "" && c.directory != "" {
		renderer, end := offline.NewRenderer(ctx, c.streams)
		defer end()
		made := forecaster{simulateCommand: c, renderer: renderer}
		if err := made.open(); err != nil {
			return err
		}
		for _, one := range event.Each() {
			stages, err := made.stages(ctx, one)
			if err != nil {
				return err
			}
			answer.Stages = append(answer.Stages, stages...)
		}
		answer.FileCommit, answer.Trusted = made.fileCommit, made.trustedRef
	}
	if err := output.New(c.streams, c.format).Print(answer, func(t *output.Table) { answer.text(t, c.directory != "") }); err != nil {
		return err
	}
	if held := answer.held(); held > 0 {
		return exit.Found(held)
	}
	return nil
}

// read parses the payload as the receiver does once it is authenticated.
func (c *simulateCommand) read() (scm.Event, error) {
	forge, known := forges.All()[c.forge]
	if !known {
		return scm.Event{}, exit.WrongUsage(fmt.Errorf("--forge %.40s: use %s", c.forge, strings.Join(forgeNames(), ", ")))
	}
	if c.organization == "" {
		return scm.Event{}, exit.WrongUsage(errors.New("--organization must not be empty"))
	}
	header := forge.Driver.Headers(c.event, "simulated")
	if err := c.addHeaders(header); err != nil {
		return scm.Event{}, err
	}
	if !forge.Driver.Matches(header) {
		return scm.Event{}, fault.New(fault.Invalid, "%s doesn't send a delivery with these headers; leave --header out", c.forge)
	}
	body, err := readBody(c.payload, forge.Driver.MaxBody())
	if err != nil {
		return scm.Event{}, err
	}
	event, err := forge.Driver.Parse(header, body)
	if err != nil {
		return scm.Event{}, fault.Wrap(fault.Invalid, err, "%s: %s", c.payload, fault.MessageOf(err))
	}
	return event, nil
}

func (c *simulateCommand) addHeaders(header http.Header) error {
	for _, given := range c.headers {
		name, value, found := strings.Cut(given, "=")
		if !found || name == "" {
			return exit.WrongUsage(fmt.Errorf("--header %.40q: write NAME=VALUE", given))
		}
		header.Set(name, value)
	}
	return nil
}

// readBody reads a file that may be a delivery's body.
func readBody(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, fault.New(fault.NotFound, "%s is not a file; save the delivery's body there, as the forge's page of recent deliveries shows it", name)
	}
	if info.Size() > limit {
		return nil, fault.New(fault.Invalid, "%s has %d bytes, more than any delivery of this forge (%d)", name, info.Size(), limit)
	}
	body, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s can't be read: %v", name, err)
	}
	return body, nil
}
