package seed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// apt installs packages into a root file system, with the network settings of
// the machine's own apt.
type apt struct {
	shop       *workshop
	root, host string
}

// openApt prepares the files that apt finds in the root's /run.
func (m machine) openApt(ctx context.Context, shop *workshop, root string) (*apt, error) {
	host := shop.path("host")
	if err := os.MkdirAll(host, 0o755); err != nil {
		return nil, fmt.Errorf("make folder for apt's settings: %w", err)
	}
	dump, err := shop.command(ctx, "apt-config", "dump", "Acquire").Output()
	if err != nil {
		return nil, fmt.Errorf("read the machine's apt settings: %w", err)
	}
	if err := os.WriteFile(filepath.Join(host, "host.conf"), []byte(networkSettings(string(dump))), 0o644); err != nil {
		return nil, fmt.Errorf("write apt's settings: %w", err)
	}
	bundle, err := m.bundle()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(host, "host.crt"), bundle, 0o644); err != nil {
		return nil, fmt.Errorf("write apt's settings: %w", err)
	}
	return &apt{shop: shop, root: root, host: host}, nil
}

// networkSettings keeps how the machine reaches its mirror (proxies, dates,
// retries) and drops what only concerns the machine's own files.
func networkSettings(dump string) string {
	var kept strings.Builder
	for line := range strings.Lines(dump) {
		name, _, _ := strings.Cut(line, " ")
		lower := strings.ToLower(name)
		switch {
		case strings.HasPrefix(lower, "acquire::indextargets"), strings.HasPrefix(lower, "acquire::cdrom"),
			strings.HasPrefix(lower, "acquire::changelogs"), strings.HasPrefix(lower, "acquire::compressiontypes"),
			strings.HasPrefix(lower, "acquire::languages"), strings.Contains(lower, "::proxy-auto-detect"),
			strings.Contains(lower, "::cainfo"), lower == "acquire":
			continue
		}
		kept.WriteString(line)
	}
	return kept.String()
}

// run runs apt-get in the root.
func (a *apt) run(ctx context.Context, args ...string) error {
	all := append([]string{
		"-c", "/run/host.conf", "-o", "Acquire::https::CAInfo=/run/host.crt",
		// apt's sandbox user could not read /run of some machines' settings.
		"-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3",
	}, args...)
	if err := a.shop.run(a.shop.inRoot(ctx, a.root, a.host, "apt-get", all...)); err != nil {
		return fmt.Errorf("apt-get %s in the image: %w", strings.Join(args, " "), err)
	}
	return nil
}

// script runs a shell script in the root, before or after packages are installed.
func (a *apt) script(ctx context.Context, text string) error {
	if err := a.shop.run(a.shop.inRoot(ctx, a.root, a.host, "/bin/sh", "-ec", text)); err != nil {
		return fmt.Errorf("set up the image: %w", err)
	}
	return nil
}

// installation is a layer of Debian packages on a Debian root.
type installation struct {
	packages []string
	// before and after are shell scripts that run in the root.
	before, after string
	// files are in the root before the packages come, by path. Scripts, which
	// begin with #!, are executable.
	files map[string]string
	// folders are in the layer, by path: for what lies in the parts of a root
	// that a layer leaves out. Their owner is 999, the service's user.
	folders map[string]int64
}

// inputs is all that decides the layer.
func (i installation) inputs() []string {
	all := append([]string{i.before, i.after}, i.packages...)
	for _, name := range sortedKeys(i.files) {
		all = append(all, name, i.files[name])
	}
	for _, name := range slices.Sorted(maps.Keys(i.folders)) {
		all = append(all, name, fmt.Sprintf("%o", i.folders[name]))
	}
	return all
}

// install makes the layer: unpack what is below, change it, take the difference.
func (m machine) install(ctx context.Context, shop *workshop, what installation) (*oci.Tree, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("installing packages into an image changes the root folder, which only root may do; run as root")
	}
	root, err := shop.root(ctx)
	if err != nil {
		return nil, err
	}
	base, err := oci.ReadRoot(root, inLayer)
	if err != nil {
		return nil, err
	}
	if err := writeFiles(root, what.files); err != nil {
		return nil, err
	}
	apt, err := m.openApt(ctx, shop, root)
	if err != nil {
		return nil, err
	}
	if err := apt.install(ctx, what); err != nil {
		return nil, err
	}
	tree, err := difference(root, base)
	if err != nil {
		return nil, err
	}
	for name, mode := range what.folders {
		if err := tree.Add(name, oci.Entry{Kind: oci.Dir, Mode: mode, UID: serviceUser, GID: serviceUser}); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// install runs the scripts around the installation of the packages.
func (a *apt) install(ctx context.Context, what installation) error {
	if what.before != "" {
		if err := a.script(ctx, what.before); err != nil {
			return err
		}
	}
	if err := a.run(ctx, "update"); err != nil {
		return err
	}
	if err := a.run(ctx, append([]string{"--yes", "--no-install-recommends", "install"}, what.packages...)...); err != nil {
		return err
	}
	if what.after != "" {
		return a.script(ctx, what.after)
	}
	return nil
}

// writeFiles puts files into the root by their path in the image.
func writeFiles(root string, files map[string]string) error {
	for _, name := range sortedKeys(files) {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(files[name], "#!") {
			mode = 0o755
		}
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("add %s: %w", name, err)
		}
		if err := os.WriteFile(file, []byte(files[name]), mode); err != nil {
			return fmt.Errorf("add %s: %w", name, err)
		}
	}
	return nil
}
