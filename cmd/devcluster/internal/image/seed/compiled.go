package seed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// pause holds a pod's namespaces; containerd's sandboxes run it.
func (m machine) pause() recipe {
	program := filepath.Join(m.source, "components", "pause")
	return recipe{
		name: "pause:1", refs: []string{"pause:1"},
		summary: "sleeps as a pod's first process",
		config:  oci.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"},
		top: &layer{
			name: "pause", verb: "compiling",
			inputs: func(ctx context.Context) ([]string, error) { return m.programInputs(ctx, program) },
			make: func(ctx context.Context, shop *workshop) (*oci.Tree, error) {
				binary, err := m.compile(ctx, shop, program)
				if err != nil {
					return nil, err
				}
				tree := oci.NewTree()
				return tree, tree.AddPath(binary, "/pause", 0o755, nil)
			},
		},
	}
}

// kaniko is the builder image around the executor that cmd/kaniko pins.
func (m machine) kaniko() recipe {
	program := filepath.Join(filepath.Dir(m.source), "kaniko")
	return recipe{
		name: Kaniko, refs: []string{"kaniko:1"},
		summary: "the kaniko executor of cmd/kaniko with the machine's certificate authorities",
		config: oci.Config{
			Entrypoint: []string{"/kaniko/executor"},
			WorkingDir: "/workspace",
			Env: []string{
				"PATH=/usr/local/bin:/kaniko", "HOME=/root", "USER=root",
				"DOCKER_CONFIG=/kaniko/.docker/", "SSL_CERT_DIR=/kaniko/ssl/certs",
			},
		},
		top: &layer{
			name: "kaniko", verb: "compiling (first time about 4 minutes)",
			inputs: func(ctx context.Context) ([]string, error) {
				inputs, err := m.programInputs(ctx, program)
				if err != nil {
					return nil, err
				}
				bundle, err := m.bundle()
				return append(inputs, hashOf(bundle)), err
			},
			make: func(ctx context.Context, shop *workshop) (*oci.Tree, error) {
				binary, err := m.compile(ctx, shop, program)
				if err != nil {
					return nil, err
				}
				return m.kanikoTree(binary)
			},
		},
	}
}

// kanikoTree is the image's whole file system. Everything that must survive the
// executor's replacing of its own root is below /kaniko.
func (m machine) kanikoTree(executor string) (*oci.Tree, error) {
	bundle, err := m.bundle()
	if err != nil {
		return nil, err
	}
	tree := oci.NewTree()
	steps := []error{
		tree.AddDir("/kaniko", 0o777),
		tree.AddDir("/workspace", 0o755),
		tree.AddDir("/root", 0o700),
		tree.AddDir("/tmp", 0o1777),
		tree.AddPath(executor, "/kaniko/executor", 0o755, nil),
		tree.AddBytes("/kaniko/.docker/config.json", 0o644, []byte("{}\n")),
		tree.AddBytes("/kaniko/ssl/certs/ca-certificates.crt", 0o644, bundle),
		tree.AddBytes("/etc/nsswitch.conf", 0o644, []byte("hosts: files dns\n")),
		tree.AddBytes("/etc/passwd", 0o644, []byte(passwd)),
		tree.AddBytes("/etc/group", 0o644, []byte(group)),
	}
	return tree, errors.Join(steps...)
}

// compile builds the static program in folder with the machine's Go.
func (m machine) compile(ctx context.Context, shop *workshop, folder string) (string, error) {
	binary := shop.path(filepath.Base(folder))
	command := shop.command(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	command.Dir = folder
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	if err := shop.run(command); err != nil {
		return "", fmt.Errorf("compile %s: %w", folder, err)
	}
	return binary, nil
}

// programInputs hashes the sources of the module or package in folder and names
// the compiler.
func (m machine) programInputs(ctx context.Context, folder string) ([]string, error) {
	_, version, err := m.goroot(ctx)
	if err != nil {
		return nil, err
	}
	inputs := []string{version, runtime.GOARCH}
	err = filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() || strings.HasSuffix(name, "_test.go") || !isSource(name) {
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		inputs = append(inputs, name, hashOf(content))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sources in %s: %w; run in a whole checkout", folder, err)
	}
	return inputs, nil
}

func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") || name == "go.mod" || name == "go.sum"
}

// Kaniko is the name of the builder image among the recipes.
const Kaniko = "kaniko:1"
