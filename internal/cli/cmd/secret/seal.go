package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/seal"
)

type sealCommand struct {
	control.Connection
	streams   stream.Streams
	recipient string
	project   string
	stage     string
}

// NewSeal returns the command seal.
func NewSeal(streams stream.Streams) *cobra.Command {
	s := &sealCommand{streams: streams}
	command := &cobra.Command{
		Use:     "seal SECRET KEY",
		Short:   "Encrypt a secret value for a project, to put into its slipway.yaml",
		GroupID: "repository",
		Long: `Encrypt a secret value for a project and print the YAML to put into slipway.yaml.

The value is read from standard input, never from an argument; one line break at
its end is left out. Only the server can open it, and only for this project: it
becomes the key KEY of the Secret SECRET in the project's stages, which a service
gets as environment variables by naming the Secret in its secrets. A changed
value replaces the pods that use it.

--recipient needs no cluster: slipway recipient PROJECT tells it once, and it may
be kept in the repository. With --stage the value is for that stage only.`,
		Example: `  slipway seal stripe API_KEY --recipient age1… < key.txt
  pass shop/stripe | slipway seal stripe API_KEY --project shop --organization acme --stage production`,
		Args: cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, args []string) error { return s.run(command.Context(), args[0], args[1]) },
	}
	s.Flags(command)
	flags := command.Flags()
	flags.StringVar(&s.recipient, "recipient", "", "the project's recipient: age1…")
	flags.StringVarP(&s.project, "project", "p", "", "the project, to ask the control cluster for its recipient")
	flags.StringVarP(&s.stage, "stage", "s", "", "the stage that alone gets the value")
	command.MarkFlagsMutuallyExclusive("recipient", "project")
	return command
}

// NewRecipient returns the command recipient.
func NewRecipient(streams stream.Streams) *cobra.Command {
	s := &sealCommand{streams: streams}
	command := &cobra.Command{
		Use:     "recipient PROJECT",
		Short:   "Print what a project's secret values are sealed for",
		GroupID: "see",
		Example: "  slipway recipient shop --organization acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			recipient, err := s.ask(command.Context(), args[0])
			if err == nil {
				_, err = fmt.Fprintln(streams.Out, recipient)
			}
			return err
		},
	}
	s.Flags(command)
	return command
}

func (s *sealCommand) run(ctx context.Context, name, key string) error {
	if err := projectfile.CheckSealed(name, key); err != nil {
		return exit.WrongUsage(err)
	}
	recipient := s.recipient
	if recipient == "" {
		if s.project == "" {
			return exit.WrongUsage(errors.New("say for whom: with --recipient age1…, or with --project and a control cluster"))
		}
		var err error
		if recipient, err = s.ask(ctx, s.project); err != nil {
			return err
		}
	}
	value, err := readValue(s.streams.In)
	if err != nil {
		return err
	}
	text, err := seal.Seal(recipient, value)
	if err != nil {
		return err
	}
	return s.print(project.Sealed{name: {key: text}})
}

// ask reads a project's recipient from the control cluster.
func (s *sealCommand) ask(ctx context.Context, name string) (string, error) {
	if s.Organization == "" {
		return "", exit.WrongUsage(errors.New("say of which organization the project is, with --organization"))
	}
	c, err := s.Client()
	if err != nil {
		return "", err
	}
	var found v1alpha1.Project
	err = c.Get(ctx, client.ObjectKey{Namespace: naming.OrganizationNamespace(s.Organization), Name: name}, &found)
	switch {
	case apierrors.IsNotFound(err):
		return "", fault.Wrap(fault.NotFound, err, "organization %s has no project %s; slipway get projects lists them", s.Organization, name)
	case err != nil:
		return "", kube.AskFault("the control cluster", err)
	case found.Status.Recipient == "":
		return "", fault.New(fault.Unavailable, "project %s has no recipient yet; the server makes one, is it running?", name)
	}
	return found.Status.Recipient, nil
}

// readValue reads a value without the line break at its end.
func readValue(in io.Reader) ([]byte, error) {
	value, err := io.ReadAll(io.LimitReader(in, seal.MaxValue+2))
	if err != nil {
		return nil, fmt.Errorf("read the value: %w", err)
	}
	value = bytes.TrimSuffix(value, []byte("\n"))
	return bytes.TrimSuffix(value, []byte("\r")), nil
}

// print shows where in slipway.yaml the value belongs.
func (s *sealCommand) print(sealed project.Sealed) error {
	var document any = map[string]any{"sealed": sealed}
	if s.stage != "" {
		document = map[string]any{"stages": []any{map[string]any{"name": s.stage, "sealed": sealed}}}
	}
	text, err := yaml.Marshal(document)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if _, err := s.streams.Out.Write(text); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
