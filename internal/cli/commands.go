package cli

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/cmd/buildstep"
	"github.com/slipway-dev/slipway/internal/cli/cmd/deliveries"
	"github.com/slipway-dev/slipway/internal/cli/cmd/diff"
	"github.com/slipway-dev/slipway/internal/cli/cmd/file"
	"github.com/slipway-dev/slipway/internal/cli/cmd/gate"
	"github.com/slipway-dev/slipway/internal/cli/cmd/get"
	"github.com/slipway-dev/slipway/internal/cli/cmd/hooks"
	"github.com/slipway-dev/slipway/internal/cli/cmd/initialise"
	"github.com/slipway-dev/slipway/internal/cli/cmd/previews"
	"github.com/slipway-dev/slipway/internal/cli/cmd/releases"
	"github.com/slipway-dev/slipway/internal/cli/cmd/render"
	"github.com/slipway-dev/slipway/internal/cli/cmd/secret"
	"github.com/slipway-dev/slipway/internal/cli/cmd/server"
	"github.com/slipway-dev/slipway/internal/cli/cmd/simulate"
	"github.com/slipway-dev/slipway/internal/cli/cmd/stage"
	"github.com/slipway-dev/slipway/internal/cli/cmd/templates"
	"github.com/slipway-dev/slipway/internal/cli/cmd/version"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

// commands makes all commands; each names the group of --help that it stands
// in. A new command is one line here.
func commands(streams stream.Streams, build Build, roles Roles) []*cobra.Command {
	all := []*cobra.Command{server.New(streams, roles.Server), gate.New(streams, roles.Gate), version.New(streams, build)}
	for _, command := range []func(stream.Streams) *cobra.Command{
		stage.NewStatus,
		stage.NewDeploy,
		stage.NewRollback,
		stage.NewPromote,
		stage.NewApprove,
		stage.NewReject,
		stage.NewPause,
		stage.NewResume,
		stage.NewRestart,
		stage.NewScale,
		stage.NewSleep,
		stage.NewWake,
		get.New,
		releases.New,
		releases.NewLogs,
		previews.New,
		deliveries.New,
		hooks.New,
		initialise.New,
		file.NewValidate,
		file.NewExplain,
		file.NewCan,
		file.NewSchema,
		render.NewRender,
		render.NewEject,
		render.NewWorker,
		diff.New,
		simulate.New,
		templates.New,
		secret.NewSeal,
		secret.NewRecipient,
		buildstep.NewSource,
		buildstep.NewImage,
	} {
		all = append(all, command(streams))
	}
	return all
}
