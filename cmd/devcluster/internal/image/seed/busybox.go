package seed

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// Accounts of an image that has no others.
const (
	passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
	group  = "root:x:0:\nnogroup:x:65534:\n"
)

//go:embed files/adduser.sh
var adduser string

// busybox is a small image with a shell, httpd, nc and wget.
func (m machine) busybox() recipe {
	return recipe{
		name: "busybox:1.36", refs: []string{"library/busybox:1.36", "library/busybox:1", "library/busybox:latest"},
		summary: "Debian 12's busybox-static (1.35) with all its applets",
		config: oci.Config{
			Cmd: []string{"sh"},
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		},
		top: &layer{
			name: "busybox", verb: "fetching and linking applets",
			inputs: func(context.Context) ([]string, error) { return []string{passwd, group, adduser}, nil },
			make:   makeBusybox,
		},
	}
}

// makeBusybox links every applet to Debian's static binary. The package is
// unpacked, not installed: installing it would remove the machine's own busybox.
func makeBusybox(ctx context.Context, shop *workshop) (*oci.Tree, error) {
	fetch := shop.command(ctx, "apt-get", "-o", "APT::Sandbox::User=root", "download", "busybox-static")
	if err := shop.run(fetch); err != nil {
		return nil, fmt.Errorf("fetch Debian's busybox-static: %w; run `apt-get update` and seed again", err)
	}
	archives, err := filepath.Glob(shop.path("busybox-static_*.deb"))
	if err != nil || len(archives) != 1 {
		return nil, fmt.Errorf("fetch Debian's busybox-static: %d archives arrived instead of one (%w)", len(archives), err)
	}
	if err := shop.run(shop.command(ctx, "dpkg-deb", "--extract", archives[0], shop.path("busybox"))); err != nil {
		return nil, fmt.Errorf("unpack busybox-static: %w", err)
	}
	program := shop.path("busybox", "bin", "busybox")
	if _, err := os.Stat(program); err != nil {
		program = shop.path("busybox", "usr", "bin", "busybox") // where later releases put it
	}
	applets, err := shop.command(ctx, program, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("list busybox's applets: %w", err)
	}
	return busyboxTree(program, strings.Fields(string(applets)))
}

// busyboxTree is the image's whole file system.
func busyboxTree(program string, applets []string) (*oci.Tree, error) {
	tree := oci.NewTree()
	if err := tree.AddPath(program, "/bin/busybox", 0o755, nil); err != nil {
		return nil, err
	}
	for _, script := range []string{"adduser", "addgroup"} {
		if err := tree.AddBytes("/bin/"+script, 0o755, []byte(adduser)); err != nil {
			return nil, err
		}
	}
	for _, applet := range applets {
		if applet == "busybox" || applet == "adduser" || applet == "addgroup" {
			continue
		}
		if err := tree.AddSymlink("/bin/"+applet, "busybox"); err != nil {
			return nil, err
		}
	}
	return tree, addSkeleton(tree)
}

// addSkeleton adds the accounts and folders that programs expect anywhere.
func addSkeleton(tree *oci.Tree) error {
	for name, mode := range map[string]int64{
		"/tmp": 0o1777, "/var/tmp": 0o1777, "/root": 0o700, "/home": 0o755, "/run": 0o755, "/var/run": 0o755,
		"/dev": 0o755, "/proc": 0o755, "/sys": 0o755, "/usr/bin": 0o755, "/usr/sbin": 0o755, "/sbin": 0o755, "/etc/ssl/certs": 0o755,
	} {
		if err := tree.AddDir(name, mode); err != nil {
			return err
		}
	}
	if err := tree.AddBytes("/etc/passwd", 0o644, []byte(passwd)); err != nil {
		return err
	}
	if err := tree.AddBytes("/etc/group", 0o644, []byte(group)); err != nil {
		return err
	}
	// Without it some C libraries ask DNS before /etc/hosts.
	return tree.AddBytes("/etc/nsswitch.conf", 0o644, []byte("hosts: files dns\n"))
}
