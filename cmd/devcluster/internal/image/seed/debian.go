package seed

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// keyring verifies Debian's packages, on the machine and in the images.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

//go:embed files/dpkg-slim.conf
var dpkgSlim string

//go:embed files/apt-image.conf
var aptImage string

// debian is the base that the other Debian images rest on.
func (m machine) debian(top *layer) recipe {
	return recipe{
		name: "debian:bookworm-slim", refs: []string{"library/debian:bookworm-slim", "library/debian:12-slim"},
		summary: "Debian 12 by debootstrap, without documentation; apt works",
		top:     top,
		config: oci.Config{
			Cmd: []string{"bash"},
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		},
	}
}

// debianLayer is a minimal root file system with the latest fixes.
func (m machine) debianLayer() *layer {
	return &layer{
		name: "debian", verb: "bootstrapping Debian " + suite + " (about 2 minutes)",
		inputs: func(ctx context.Context) ([]string, error) {
			mirror, err := m.mirror(ctx)
			return []string{mirror.main, mirror.security, dpkgSlim, aptImage}, err
		},
		make: m.bootstrap,
	}
}

// bootstrap runs debootstrap, brings the root up to date and leaves out what
// nobody reads in a container.
func (m machine) bootstrap(ctx context.Context, shop *workshop) (*oci.Tree, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("debootstrap makes device files and changes its root, which only root may do; run as root")
	}
	if err := m.need(ctx, shop, "debootstrap", "debootstrap"); err != nil {
		return nil, err
	}
	mirror, err := m.mirror(ctx)
	if err != nil {
		return nil, err
	}
	root := shop.path("root")
	command := shop.isolated(ctx, "debootstrap", "--variant=minbase", "--keyring="+keyring, suite, root, mirror.main)
	if err := shop.run(command); err != nil {
		return nil, fmt.Errorf("bootstrap Debian from %s: %w", mirror.main, err)
	}
	if err := configureApt(root, mirror); err != nil {
		return nil, err
	}
	apt, err := m.openApt(ctx, shop, root)
	if err != nil {
		return nil, err
	}
	if err := apt.run(ctx, "update"); err != nil {
		return nil, err
	}
	if err := apt.run(ctx, "--yes", "dist-upgrade"); err != nil {
		return nil, err
	}
	if err := slim(root); err != nil {
		return nil, err
	}
	return oci.ReadRoot(root, inLayer)
}

// configureApt writes the files that make later installations small and quick.
func configureApt(root string, mirror mirror) error {
	files := map[string]string{
		"etc/apt/sources.list.d/debian.sources": mirror.sources(),
		"etc/dpkg/dpkg.cfg.d/slim":              dpkgSlim,
		"etc/apt/apt.conf.d/image":              aptImage,
		// Package scripts must not start services in an image.
		"usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
	}
	for name, content := range files {
		file := filepath.Join(root, name)
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return fmt.Errorf("configure apt in the image: %w", err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "usr/sbin/policy-rc.d"), 0o755); err != nil {
		return fmt.Errorf("configure apt in the image: %w", err)
	}
	if err := os.Remove(filepath.Join(root, "etc/apt/sources.list")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("configure apt in the image: %w", err)
	}
	return nil
}

// slim removes what debootstrap unpacked before dpkg knew the exclusions.
func slim(root string) error {
	for _, pattern := range []string{
		"usr/share/man/*", "usr/share/info/*", "usr/share/locale/*", "usr/share/groff/*", "usr/share/lintian/*", "usr/share/linda/*",
	} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return fmt.Errorf("slim %s: %w", pattern, err)
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("slim image: %w", err)
			}
		}
	}
	return slimDocumentation(filepath.Join(root, "usr/share/doc"))
}

// slimDocumentation keeps the licences only.
func slimDocumentation(doc string) error {
	files, err := filepath.Glob(filepath.Join(doc, "*", "*"))
	if err != nil {
		return fmt.Errorf("slim %s: %w", doc, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "copyright" {
			continue
		}
		if err := os.RemoveAll(file); err != nil {
			return fmt.Errorf("slim documentation: %w", err)
		}
	}
	return nil
}

// inLayer leaves out what belongs to the machine or to a running container, and
// what apt can fetch again. Folders named here stay, empty.
func inLayer(relative string) bool {
	for _, emptied := range []string{
		"dev/", "proc/", "sys/", "run/", "tmp/", "var/tmp/", "var/cache/apt/", "var/lib/apt/lists/", "var/log/", "var/cache/debconf/", "var/cache/ldconfig/",
	} {
		if strings.HasPrefix(relative, emptied) {
			// apt and dpkg expect these to exist; they are empty.
			return relative == "var/cache/apt/archives" || relative == "var/lib/apt/lists/partial" || relative == "var/cache/apt/archives/partial"
		}
	}
	return relative != "etc/resolv.conf" && relative != "etc/hosts" && relative != "etc/hostname"
}

// need installs a Debian package on this machine when its program is missing.
func (m machine) need(ctx context.Context, shop *workshop, program, pkg string) error {
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s is missing and only root can install it; run `apt-get install %s` as root", program, pkg)
	}
	// Another program may be installing something meanwhile: wait for its lock.
	command := shop.command(ctx, "apt-get", "-o", "DPkg::Lock::Timeout=300", "--yes", "--no-install-recommends", "install", pkg)
	if err := shop.run(command); err != nil {
		return fmt.Errorf("%s is missing and `apt-get install %s` did not work: %w", program, pkg, err)
	}
	return nil
}
