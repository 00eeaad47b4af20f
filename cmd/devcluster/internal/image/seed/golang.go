package seed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// golang is Debian with git and the machine's Go. There is no C compiler, so
// cgo is off, as Go itself decides when it finds none.
func (m machine) golang(debian *layer) recipe {
	return recipe{
		name: "golang:1.26", refs: []string{"library/golang:1.26", "library/golang:1.26-bookworm"},
		summary: "the machine's Go on Debian 12, with git and certificates, without a C compiler",
		top:     m.goCacheLayer(m.goLayer(m.gitLayer(debian))),
		config: oci.Config{
			Cmd:        []string{"bash"},
			WorkingDir: "/go",
			Env: []string{
				"PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"GOPATH=/go", "GOTOOLCHAIN=local",
			},
		},
	}
}

// gitLayer holds what fetching sources needs, and the authorities that the
// machine's owner trusts.
func (m machine) gitLayer(debian *layer) *layer {
	what := func() (installation, error) {
		authorities, err := m.authorities()
		return installation{
			packages: []string{"ca-certificates", "git"},
			files:    authorities,
		}, err
	}
	return &layer{
		name: "git", verb: "installing git and ca-certificates", below: debian,
		inputs: func(context.Context) ([]string, error) {
			what, err := what()
			return what.inputs(), err
		},
		make: func(ctx context.Context, shop *workshop) (*oci.Tree, error) {
			what, err := what()
			if err != nil {
				return nil, err
			}
			return m.install(ctx, shop, what)
		},
	}
}

// goLayer holds GOROOT without what only Go's own developers use.
func (m machine) goLayer(below *layer) *layer {
	return &layer{
		name: "go", verb: "packing the machine's Go", below: below,
		inputs: func(ctx context.Context) ([]string, error) {
			_, version, err := m.goroot(ctx)
			return []string{version}, err
		},
		make: func(ctx context.Context, _ *workshop) (*oci.Tree, error) {
			root, _, err := m.goroot(ctx)
			if err != nil {
				return nil, err
			}
			tree := oci.NewTree()
			if err := tree.AddPath(root, "/usr/local/go", 0, inGoroot); err != nil {
				return nil, err
			}
			for _, folder := range []string{"/go", "/go/src", "/go/bin"} {
				if err := tree.AddDir(folder, 0o777); err != nil {
					return nil, err
				}
			}
			return tree, nil
		},
	}
}

// compileLibrary fills Go's build cache in the image. Without it every build in
// the cluster spends half a minute of CPU on the same packages.
const compileLibrary = `export HOME=/root PATH=/usr/local/go/bin:$PATH GOTOOLCHAIN=local GOFLAGS= CGO_ENABLED=0
packages="net/http net/http/httptest encoding/json log/slog html/template database/sql embed flag os/signal os/exec testing"
go build $packages
go build -trimpath $packages
rm -rf /root/.config`

// goCacheLayer holds the compiled standard library. It is compiled in the image
// because the cache's keys hold the place of GOROOT.
func (m machine) goCacheLayer(below *layer) *layer {
	return &layer{
		name: "go-cache", verb: "compiling the standard library (about 1 minute)", below: below,
		inputs: func(context.Context) ([]string, error) { return []string{compileLibrary}, nil },
		make: func(ctx context.Context, shop *workshop) (*oci.Tree, error) {
			root, err := shop.root(ctx)
			if err != nil {
				return nil, err
			}
			base, err := oci.ReadRoot(root, inLayer)
			if err != nil {
				return nil, err
			}
			empty := shop.path("host")
			if err := os.Mkdir(empty, 0o755); err != nil {
				return nil, fmt.Errorf("make empty folder: %w", err)
			}
			if err := shop.run(shop.inRoot(ctx, root, empty, "/bin/sh", "-ec", compileLibrary)); err != nil {
				return nil, fmt.Errorf("compile the standard library: %w", err)
			}
			return difference(root, base)
		},
	}
}

// inGoroot leaves out Go's own tests and notes: a third of the bytes, which
// every build in the cluster would unpack.
func inGoroot(relative string) bool {
	first, _, _ := strings.Cut(relative, "/")
	switch first {
	case "api", "doc", "misc", "test", ".git":
		return false
	case "src":
		return path.Base(relative) != "testdata" && !strings.HasSuffix(relative, "_test.go")
	}
	return true
}

// goroot is where the machine's Go is and which one it is.
func (m machine) goroot(ctx context.Context) (root, version string, err error) {
	command := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION")
	command.Dir = m.source // a toolchain line in the checkout decides as well
	output, err := command.Output()
	if err != nil {
		return "", "", fmt.Errorf("ask the machine's Go where it is: %w; install Go 1.26 and put it in PATH", err)
	}
	fields := strings.Fields(string(output))
	if len(fields) != 2 {
		return "", "", fmt.Errorf("ask the machine's Go where it is: unexpected answer %q", output)
	}
	return fields[0], fields[1], nil
}
