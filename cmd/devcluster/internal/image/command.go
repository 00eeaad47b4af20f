package image

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/seed"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/progress"
)

// NewCommand is `devcluster image`.
func NewCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "image",
		Short: "Make OCI images without a container engine and push them",
	}
	command.AddCommand(newPush(), newSeed(), newKaniko())
	return command
}

// newSeeder takes the folders from the root command's flags --source, --cache,
// --dir and --quiet. It reports to the error stream: the output is for digests.
func newSeeder(cmd *cobra.Command) (*seed.Seeder, error) {
	flag := func(name string) string {
		if given := cmd.Flag(name); given != nil {
			return given.Value.String()
		}
		return ""
	}
	where, err := layout.Resolve(flag("source"), flag("cache"), flag("dir"))
	if err != nil {
		return nil, err
	}
	out := cmd.ErrOrStderr()
	if flag("quiet") == "true" {
		out = io.Discard
	}
	return seed.New(where.Cache, where.Source, progress.New(out)), nil
}

// newSeed is `devcluster image seed`.
func newSeed() *cobra.Command {
	var registry string
	var all, list bool
	command := &cobra.Command{
		Use:   "seed NAME... | --all | --list",
		Short: "Make base images from Debian packages and push them as docker.io's mirror",
		RunE: func(cmd *cobra.Command, names []string) error {
			seeder, err := newSeeder(cmd)
			if err != nil {
				return err
			}
			switch {
			case list:
				return printList(cmd, seeder)
			case all:
				names = seeder.Names()
			case len(names) == 0:
				return fmt.Errorf("seed what? give names (%s) or --all", strings.Join(seeder.Names(), ", "))
			}
			if registry == "" {
				return errors.New("seed where? give --registry HOST:PORT")
			}
			return seeder.Push(cmd.Context(), registry, names...)
		},
	}
	command.Flags().StringVar(&registry, "registry", "", "registry to push to, HOST:PORT, plain HTTP")
	command.Flags().BoolVar(&all, "all", false, "seed every image")
	command.Flags().BoolVar(&list, "list", false, "list the images and push nothing")
	command.MarkFlagsMutuallyExclusive("all", "list")
	return command
}

func printList(cmd *cobra.Command, seeder *seed.Seeder) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, image := range seeder.List() {
		fmt.Fprintf(table, "%s\t%s\t%s\n", image.Name, strings.Join(image.Tags, " "), image.Summary)
	}
	return table.Flush()
}

// newKaniko is `devcluster image kaniko`.
func newKaniko() *cobra.Command {
	var ref string
	command := &cobra.Command{
		Use:   "kaniko --push REF",
		Short: "Compile the checkout's cmd/kaniko, push its image and print the digest",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if ref == "" {
				return errors.New("push the kaniko image where? give --push HOST:PORT/REPOSITORY:TAG")
			}
			seeder, err := newSeeder(cmd)
			if err != nil {
				return err
			}
			digest, err := seeder.PushAs(cmd.Context(), seed.Kaniko, ref)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), digest)
			return err
		},
	}
	command.Flags().StringVar(&ref, "push", "", "where to push the image, HOST:PORT/REPOSITORY:TAG, plain HTTP")
	return command
}

// fileFlag is SRC:/dest or SRC:/dest:mode.
type fileFlag struct {
	source, destination string
	mode                int64
}

// parseFile splits at the last ":/", so that a source may hold colons.
func parseFile(text string) (fileFlag, error) {
	at := strings.LastIndex(text, ":/")
	if at <= 0 {
		return fileFlag{}, fmt.Errorf("--file %s: no destination; write SRC:/dest or SRC:/dest:mode", text)
	}
	parsed := fileFlag{source: text[:at], destination: text[at+1:]}
	destination, mode, given := strings.Cut(parsed.destination, ":")
	if !given {
		return parsed, nil
	}
	parsed.destination = destination
	if _, err := fmt.Sscanf(mode, "%o", &parsed.mode); err != nil || parsed.mode <= 0 || parsed.mode > 0o7777 || !isOctal(mode) {
		return fileFlag{}, fmt.Errorf("--file %s: mode %q is not octal, such as 0755", text, mode)
	}
	return parsed, nil
}

func isOctal(text string) bool {
	return !slices.ContainsFunc([]byte(text), func(c byte) bool { return c < '0' || c > '7' })
}

// absolute keeps error messages about files readable wherever they were named from.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
