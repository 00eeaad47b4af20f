package buildstep

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/push"
	"github.com/slipway-dev/slipway/internal/build/source"
	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

// NewSource returns the command source, the first step of a build: it fetches the
// context.
func NewSource(streams stream.Streams) *cobra.Command {
	var url, tokenFile, to string
	fetch := &cobra.Command{
		Use:   "fetch",
		Short: "Fetch a build's context from the server",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			token, err := localfile.Read(tokenFile)
			if err != nil {
				return err
			}
			if err := source.Fetch(command.Context(), url, string(token), to, source.Limits{}); err != nil {
				return err
			}
			fmt.Fprintln(streams.Out, "fetched the source")
			return nil
		},
	}
	fetch.Flags().StringVar(&url, "url", "", "where the server gives out sources")
	fetch.Flags().StringVar(&tokenFile, "token-file", "", "file with the token")
	fetch.Flags().StringVar(&to, "to", "", "directory to write to")
	command := &cobra.Command{Use: "source", Short: "Steps of a build", Hidden: true}
	command.AddCommand(fetch)
	return command
}

// NewImage returns the command image, the last step of a build: it pushes the
// image.
func NewImage(streams stream.Streams) *cobra.Command {
	var tar, to, config string
	var options push.Options
	pushImage := &cobra.Command{
		Use:   "push",
		Short: "Push an image from a tar file",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			data, err := localfile.Read(config)
			if err != nil {
				return err
			}
			if options.Credentials, err = build.ParseCredentials(data); err != nil {
				return err
			}
			digest, err := push.Push(command.Context(), tar, to, options)
			if err != nil {
				return err
			}
			fmt.Fprintf(streams.Out, "pushed %s@%s\n", to, digest)
			return nil
		},
	}
	flags := pushImage.Flags()
	flags.StringVar(&tar, "tar", "", "the image, as kaniko writes it")
	flags.StringVar(&to, "to", "", "reference to push to")
	flags.StringVar(&config, "config", "", "file with a dockerconfigjson")
	flags.StringVar(&options.DigestFile, "digest-file", "", "file to write the digest to")
	flags.BoolVar(&options.Insecure, "insecure", false, "the registry speaks plain HTTP")
	command := &cobra.Command{Use: "image", Short: "Steps of a build", Hidden: true}
	command.AddCommand(pushImage)
	return command
}
