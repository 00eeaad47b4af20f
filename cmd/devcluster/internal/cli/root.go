package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/cluster"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/registry"
)

// places are the flags that every command has.
type places struct {
	source, cache, dir string
	quiet              bool
}

// NewRoot is the whole command; getenv gives the flags' defaults.
func NewRoot(getenv func(string) string) *cobra.Command {
	flags := &places{}
	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A real one-node Kubernetes on this machine, made from Go modules and Debian packages",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	persistent := root.PersistentFlags()
	persistent.StringVar(&flags.dir, "dir", getenv("DEVCLUSTER_DIR"),
		"folder of the cluster, removed by down (DEVCLUSTER_DIR; default CHECKOUT/.cache/devcluster/run)")
	persistent.StringVar(&flags.cache, "cache", getenv("DEVCLUSTER_CACHE"),
		"folder of compiled programs and base images (DEVCLUSTER_CACHE; default CHECKOUT/.cache/devcluster/cache)")
	persistent.StringVar(&flags.source, "source", "",
		"folder of the devcluster module (default: looked for from the working folder upwards)")
	persistent.BoolVarP(&flags.quiet, "quiet", "q", false, "print errors only")
	root.AddCommand(newUp(flags), newDown(flags), newStatus(flags), newKubeconfig(flags), newWatchParent(flags),
		newNetpol(), newVolumes(), image.NewCommand(), registry.NewCommand())
	return root
}

// whole is the layout for what compiles; existing for the rest.
func (p *places) whole() (layout.Layout, error)    { return layout.Resolve(p.source, p.cache, p.dir) }
func (p *places) existing() (layout.Layout, error) { return layout.Existing(p.source, p.cache, p.dir) }

// cluster is the one in the layout's run folder; progress goes to out.
func (p *places) cluster(folders layout.Layout, out io.Writer) *cluster.Cluster {
	if p.quiet {
		out = io.Discard
	}
	return cluster.New(folders, out)
}
