package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// pushFlags are those of `devcluster image push`.
type pushFlags struct {
	files, env, labels []string
	entrypoint, cmd    []string
	base, user, dir    string
	insecure           bool
}

// newPush is `devcluster image push`.
func newPush() *cobra.Command {
	var flags pushFlags
	command := &cobra.Command{
		Use:   "push REF --file SRC:/dest[:mode] ...",
		Short: "Make an image from files, push it and print its digest",
		Long: "Make an image from files and folders of this machine, push it and print its digest.\n" +
			"The same files and flags give the same digest: times are fixed and everything belongs to root.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			digest, err := push(cmd.Context(), args[0], flags)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), digest)
			return err
		},
	}
	set := command.Flags()
	set.StringArrayVar(&flags.files, "file", nil, "file or folder to put in, SRC:/dest or SRC:/dest:mode (repeatable)")
	set.StringVar(&flags.base, "base", "", "image to build on (default: the empty image)")
	set.StringSliceVar(&flags.entrypoint, "entrypoint", nil, "program and first arguments, comma-separated")
	set.StringSliceVar(&flags.cmd, "cmd", nil, "default arguments, comma-separated")
	set.StringArrayVar(&flags.env, "env", nil, "environment variable K=V (repeatable)")
	set.StringVar(&flags.user, "user", "", "UID or UID:GID that runs the program")
	set.StringVar(&flags.dir, "workdir", "", "working folder of the program")
	set.StringArrayVar(&flags.labels, "label", nil, "image label k=v (repeatable)")
	set.BoolVar(&flags.insecure, "insecure", false, "use plain HTTP, for registries on this machine")
	return command
}

// push makes the image and sends it.
func push(ctx context.Context, ref string, flags pushFlags) (v1.Hash, error) {
	if len(flags.files) == 0 && flags.base == "" {
		return v1.Hash{}, errors.New("the image would be empty: give --file SRC:/dest, --base REF or both")
	}
	config, err := flags.config()
	if err != nil {
		return v1.Hash{}, err
	}
	var base v1.Image
	if flags.base != "" {
		if base, err = oci.Pull(ctx, flags.base, flags.insecure); err != nil {
			return v1.Hash{}, err
		}
	}
	scratch, err := os.MkdirTemp("", "devcluster-image-")
	if err != nil {
		return v1.Hash{}, fmt.Errorf("make scratch folder: %w", err)
	}
	defer os.RemoveAll(scratch)
	var layers []v1.Layer
	if len(flags.files) > 0 {
		tree, err := fileTree(flags.files)
		if err != nil {
			return v1.Hash{}, err
		}
		if base == nil {
			tree.AddParents()
		}
		layer, err := oci.WriteLayer(filepath.Join(scratch, "layer.tar.gz"), tree)
		if err != nil {
			return v1.Hash{}, err
		}
		layers = append(layers, layer)
	}
	image, err := oci.Assemble(base, config, layers...)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("make image %s: %w", ref, err)
	}
	digest, _, err := oci.Push(ctx, image, ref, flags.insecure)
	return digest, err
}

// fileTree holds all named files.
func fileTree(files []string) (*oci.Tree, error) {
	tree := oci.NewTree()
	for _, text := range files {
		file, err := parseFile(text)
		if err != nil {
			return nil, err
		}
		if err := tree.AddPath(absolute(file.source), file.destination, file.mode, nil); err != nil {
			return nil, fmt.Errorf("--file %s: %w", text, err)
		}
	}
	return tree, nil
}

// config checks the settings that have a form.
func (f pushFlags) config() (oci.Config, error) {
	if _, err := pairs("--env", f.env); err != nil {
		return oci.Config{}, err
	}
	labels, err := pairs("--label", f.labels)
	if err != nil {
		return oci.Config{}, err
	}
	return oci.Config{
		Entrypoint: f.entrypoint, Cmd: f.cmd, Env: f.env,
		User: f.user, WorkingDir: f.dir, Labels: labels,
	}, nil
}

func pairs(flag string, values []string) (map[string]string, error) {
	all := map[string]string{}
	for _, text := range values {
		name, value, given := strings.Cut(text, "=")
		if !given || name == "" {
			// The value may be a secret: it isn't shown.
			return nil, fmt.Errorf("%s %s: no value; write NAME=VALUE", flag, name)
		}
		all[name] = value
	}
	return all, nil
}
