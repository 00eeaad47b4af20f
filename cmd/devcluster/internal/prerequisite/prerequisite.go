package prerequisite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/progress"
)

// Machine answers questions about the machine; tests have their own.
type Machine interface {
	OS() string
	UID() int
	// Exists says whether the file is there.
	Exists(path string) bool
	// Program says whether a program of that name is in the search path.
	Program(name string) bool
	// Run runs a program to its end and returns its output.
	Run(ctx context.Context, name string, args ...string) (string, error)
}

// need is a Debian package and the file or program by which its presence is seen.
type need struct {
	pkg, file, program string
}

// needs lists what a full cluster takes from Debian. Debian's containerd is not
// among them: an old shim of its would be started in place of ours.
func needs() []need {
	return []need{
		{pkg: "containernetworking-plugins", file: "/usr/lib/cni/ptp"}, // the pods' network devices and addresses
		{pkg: "nftables", program: "nft"},                              // kube-proxy and network policies
		{pkg: "gcc", program: "gcc"},                                   // runc is C in part
		{pkg: "libc6-dev", file: "/usr/include/stdlib.h"},
		{pkg: "pkgconf", program: "pkg-config"},
		{pkg: "libseccomp-dev", file: "/usr/include/seccomp.h"}, // runc's system call filter
	}
}

// Check returns the first reason why no full cluster can run here, in a
// sentence that says what to do.
func Check(machine Machine) error {
	switch {
	case machine.OS() != "linux":
		return fmt.Errorf("a full cluster needs Linux, this is %s: use a Linux machine or virtual machine", machine.OS())
	case machine.UID() != 0:
		return errors.New("a full cluster needs root for namespaces, mounts and network devices: run devcluster up as root (up --control-plane needs none)")
	case !machine.Program("go"):
		return errors.New("there is no go program in PATH, but everything is compiled with it: install Go 1.26 and put it in PATH")
	case !machine.Exists("/sys/fs/cgroup/cgroup.controllers") && !machine.Exists("/sys/fs/cgroup/memory"):
		return errors.New("no control groups are mounted at /sys/fs/cgroup: mount them, or run outside of a container")
	}
	return nil
}

// Install installs the Debian packages that are missing.
func Install(ctx context.Context, machine Machine, report *progress.Reporter) error {
	missing := missing(machine)
	if len(missing) == 0 {
		return nil
	}
	if !machine.Program("apt-get") {
		return fmt.Errorf("missing %s, and there is no apt-get to install the Debian packages with: install them by hand", strings.Join(missing, ", "))
	}
	return report.Step("debian packages", "installing "+strings.Join(missing, " "), func() error {
		arguments := append([]string{"install", "-y", "--no-install-recommends"}, missing...)
		if _, err := machine.Run(ctx, "apt-get", arguments...); err == nil {
			return nil
		}
		// A fresh machine has no package lists yet.
		if output, err := machine.Run(ctx, "apt-get", "update"); err != nil {
			return fmt.Errorf("update the package lists: %w: %s", err, output)
		}
		if output, err := machine.Run(ctx, "apt-get", arguments...); err != nil {
			return fmt.Errorf("install %s: %w: %s", strings.Join(missing, " "), err, output)
		}
		return nil
	})
}

func missing(machine Machine) []string {
	var names []string
	for _, need := range needs() {
		if need.file != "" && !machine.Exists(need.file) || need.program != "" && !machine.Program(need.program) {
			names = append(names, need.pkg)
		}
	}
	return names
}

// Here is the machine that the program runs on.
type Here struct{}

// OS is the kernel's name.
func (Here) OS() string { return runtime.GOOS }

// UID is the user's number.
func (Here) UID() int { return os.Getuid() }

// Exists says whether the file is there.
func (Here) Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Program says whether a program of that name is in the search path.
func (Here) Program(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// Run runs a program that asks no questions and returns the end of its output.
func (Here) Run(ctx context.Context, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	output, err := command.CombinedOutput()
	const enough = 2000
	return strings.TrimSpace(string(output[max(0, len(output)-enough):])), err
}
