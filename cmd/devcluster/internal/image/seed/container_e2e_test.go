//go:build e2e

package seed

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// enterImage is what a container runtime does around a process, as far as these
// tests need it: own mounts and devices, a user, some capabilities.
const enterImage = `set -e
path=$PATH # the image's; what follows is the machine's
PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$1 user=$2 caps=$3 readonly=$4 tmpfs=$5; shift 5
mkdir -p "$root/proc" "$root/dev" "$root/etc"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
	mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
for file in resolv.conf hosts; do
	[ -e "$root/etc/$file" ] || : > "$root/etc/$file"
	[ ! -e "/etc/$file" ] || { cp "/etc/$file" "$root/dev/$file"; mount --bind "$root/dev/$file" "$root/etc/$file"; }
done
for folder in $tmpfs; do
	mkdir -p "$root$folder"
	mount -t tmpfs -o mode=1777 tmpfs "$root$folder"
done
[ "$readonly" = no ] || mount -o remount,bind,ro "$root"
exec env PATH="$path" /usr/bin/setpriv --bounding-set="$caps" /usr/sbin/chroot --userspec="$user" --groups= "$root" "$@"`

// Capabilities of a Pod that asks for none, and of the builder's.
const (
	someCaps  = "-all,+chown,+dac_override,+fowner,+kill,+setgid,+setuid,+sys_chroot,+net_bind_service"
	buildCaps = "-all,+chown,+dac_override,+fowner,+setgid,+setuid,+setfcap,+sys_chroot"
)

// container runs programs in an unpacked image.
type container struct {
	root     string
	env      []string
	user     string
	caps     string
	readOnly bool
	tmpfs    []string
}

// unpack makes a container of the image. It goes with the test.
func unpack(t *testing.T, image v1.Image) *container {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test changes its root folder, which only root may do; run as root")
	}
	root := filepath.Join(t.TempDir(), "root")
	must(t, os.Mkdir(root, 0o755))
	content := mutate.Extract(image)
	defer content.Close()
	command := exec.CommandContext(t.Context(), "tar", "--extract", "--numeric-owner", "--preserve-permissions", "--directory", root)
	command.Stdin = content
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("unpack image: %v\n%s", err, output)
	}
	file, err := image.ConfigFile()
	must(t, err)
	return &container{root: root, env: file.Config.Env, user: "0:0", caps: someCaps}
}

// run runs a program in the container and returns what it printed.
func (c *container) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	readOnly := "no"
	if c.readOnly {
		readOnly = "yes"
	}
	all := append([]string{"-c", enterImage, "sh", c.root, c.user, c.caps, readOnly, strings.Join(c.tmpfs, " ")}, args...)
	command := exec.CommandContext(t.Context(), "/bin/sh", all...)
	command.Env = append([]string{"HOME=/root"}, c.env...) // as runtimes do
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Unshareflags: syscall.CLONE_NEWNS}
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	return output.String(), err
}

// expect runs a shell script in the container; it must succeed and print want.
func (c *container) expect(t *testing.T, want, script string) {
	t.Helper()
	output, err := c.run(t, "/bin/sh", "-ec", script)
	if err != nil || !strings.Contains(output, want) {
		t.Errorf("%s\n%v; want %q in\n%s", script, err, want, output)
	}
}
