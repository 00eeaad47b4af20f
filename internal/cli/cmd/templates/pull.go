package templates

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render"
)

// puller copies an organization's templates from the control cluster.
type puller struct {
	control.Connection
	streams stream.Streams
}

func newTemplatesPull(streams stream.Streams) *cobra.Command {
	p := &puller{streams: streams}
	command := &cobra.Command{
		Use:   "pull DIR",
		Short: "Copy an organization's own templates and locks from the control cluster",
		Long: `Copy an organization's own templates and locks from the control cluster to a
directory, for --templates of the offline commands. DIR must not hold them yet.`,
		Example: "  slipway templates pull .slipway/templates --organization acme",
		Args:    cobra.ExactArgs(1),
		RunE:    func(command *cobra.Command, args []string) error { return p.run(command.Context(), args[0]) },
	}
	p.Flags(command)
	return command
}

func (p *puller) run(ctx context.Context, directory string) error {
	if p.Organization == "" {
		return exit.WrongUsage(errors.New("say whose templates, with --organization"))
	}
	c, err := p.Client()
	if err != nil {
		return err
	}
	all, err := p.read(ctx, c)
	if err != nil {
		return err
	}
	n, err := offline.WriteTemplates(directory, all)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.streams.Out, "wrote %s to %s\n", output.Count(n, "file"), directory)
	return err
}

func (p *puller) read(ctx context.Context, c client.Reader) (render.OwnTemplates, error) {
	var org v1alpha1.Organization
	if err := c.Get(ctx, client.ObjectKey{Name: p.Organization}, &org); err != nil {
		return render.OwnTemplates{}, fault.Wrap(fault.Unavailable, err, "organization %s could not be read: %v", p.Organization, err)
	}
	all := render.OwnTemplates{Templates: map[string][]byte{}, Locks: map[string]map[string]any{}}
	for _, name := range org.Spec.Templates.ConfigMaps {
		var found corev1.ConfigMap
		if err := c.Get(ctx, client.ObjectKey{Namespace: naming.OrganizationNamespace(p.Organization), Name: name}, &found); err != nil {
			return render.OwnTemplates{}, fault.Wrap(fault.Unavailable, err, "ConfigMap %s could not be read: %v", name, err)
		}
		for file, text := range found.Data {
			if strings.HasSuffix(file, ".yaml") {
				all.Templates[name+"/"+file] = []byte(text)
			}
		}
	}
	for _, lock := range org.Spec.Templates.Locks {
		if all.Locks[lock.Template] == nil {
			all.Locks[lock.Template] = map[string]any{}
		}
		all.Locks[lock.Template][lock.Parameter] = json.RawMessage(lock.Value.Raw)
	}
	return all, nil
}
