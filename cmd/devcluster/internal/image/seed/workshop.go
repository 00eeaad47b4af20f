package seed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

const (
	// logTail is how many bytes of a failed command's output an error shows.
	logTail = 2000
	// makeLimit ends a layer whose commands hang on a network or a lock.
	makeLimit = 30 * time.Minute
)

// workshop is a scratch folder for making one layer. It goes with all it holds.
type workshop struct {
	dir   string
	log   *os.File
	below []v1.Layer
}

// openWorkshop makes the folder. The log of the commands that run in it stays
// in the cache's logs folder, under the layer's name.
func openWorkshop(cache, name string, below []v1.Layer) (*workshop, error) {
	for _, folder := range []string{"work", "logs"} {
		if err := os.MkdirAll(filepath.Join(cache, folder), 0o755); err != nil {
			return nil, fmt.Errorf("make image cache: %w", err)
		}
	}
	log, err := os.Create(filepath.Join(cache, "logs", name+".log"))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	// The layer's lock is held: what is there was left by a process that died.
	dir := filepath.Join(cache, "work", name)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, errors.Join(fmt.Errorf("make work folder: %w", err), log.Close())
	}
	return &workshop{dir: dir, log: log, below: below}, nil
}

// close removes the folder. It holds no mounts: they end with the commands' namespaces.
func (w *workshop) close() {
	_ = w.log.Close()
	_ = os.RemoveAll(w.dir) // the next one to make this layer removes what stays
}

func (w *workshop) path(elements ...string) string {
	return filepath.Join(append([]string{w.dir}, elements...)...)
}

// root unpacks the layers below into a fresh root file system.
func (w *workshop) root(ctx context.Context) (string, error) {
	root := w.path("root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("make root folder: %w", err)
	}
	for _, layer := range w.below {
		content, err := layer.Uncompressed()
		if err != nil {
			return "", fmt.Errorf("open layer below: %w", err)
		}
		command := w.command(ctx, "tar", "--extract", "--numeric-owner", "--preserve-permissions", "--xattrs", "--xattrs-include=security.capability", "--directory", root)
		command.Stdin = content
		err = w.run(command)
		if err := errors.Join(err, content.Close()); err != nil {
			return "", fmt.Errorf("unpack layer below: %w", err)
		}
	}
	return root, nil
}

// command prepares a program that dies with ctx, and with this process.
func (w *workshop) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = w.dir
	command.Env = environment()
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return command
}

// isolated prepares a program in its own mount and process namespaces: whatever
// it mounts or leaves running ends with it, also when it is killed.
func (w *workshop) isolated(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := w.command(ctx, name, args...)
	command.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID
	command.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS // makes all mounts private first
	return command
}

// enterRoot mounts what installation scripts expect and changes into the root.
// /run is the machine's: host.conf and host.crt in it are for apt.
const enterRoot = `set -e
root=$1 host=$2; shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir -p "$root/run/lock"
cp -L "$host"/. -r "$root/run/"
for file in resolv.conf hosts; do
	if [ -e "/etc/$file" ]; then
		[ -e "$root/etc/$file" ] || : > "$root/etc/$file"
		mount --bind "/etc/$file" "$root/etc/$file"
	fi
done
exec chroot "$root" "$@"`

// inRoot prepares a program inside root. Host is a folder of files that it
// finds in /run.
func (w *workshop) inRoot(ctx context.Context, root, host string, name string, args ...string) *exec.Cmd {
	return w.isolated(ctx, "/bin/sh", append([]string{"-c", enterRoot, "sh", root, host, name}, args...)...)
}

// run runs a prepared command with its output in the log; an error shows the tail.
func (w *workshop) run(command *exec.Cmd) error {
	var output bytes.Buffer
	both := io.MultiWriter(w.log, &output)
	command.Stdout, command.Stderr = both, both
	fmt.Fprintf(w.log, "+ %s\n", strings.Join(command.Args, " "))
	if err := command.Run(); err != nil {
		said := output.Bytes()
		said = said[max(0, len(said)-logTail):]
		return fmt.Errorf("run %s: %w; its log is %s and ends:\n%s", command.Args[0], err, w.log.Name(), bytes.TrimSpace(said))
	}
	return nil
}

// environment is what commands get: no locale, no questions, and the machine's
// proxy settings where it has some.
func environment() []string {
	set := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true",
	}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if value, given := os.LookupEnv(name); given {
			set = append(set, name+"="+value)
		}
	}
	return set
}

// difference is the layer that turns base into what root holds now.
func difference(root string, base *oci.Tree) (*oci.Tree, error) {
	now, err := oci.ReadRoot(root, inLayer)
	if err != nil {
		return nil, err
	}
	return now.Since(base), nil
}
