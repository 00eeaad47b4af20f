package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// forgePort is where the demo's forge listens, on the bridge.
const forgePort = "3000"

// Files of the demo, below its folder.
const (
	demoDir   = "demo"
	forgePid  = "forge.pid"
	forgeLog  = "forge.log"
	forgeData = "forge"
)

// demoFolder is where the demo keeps its forge and the clone it pushes from.
func demoFolder(o stand.Options) string { return filepath.Join(o.Root, ".cache", demoDir) }

// newForge is the forge's own process, which outlives the command that
// started it.
func newForge() *cobra.Command {
	var address, dir, token, hook, secret, repository string
	command := &cobra.Command{
		Use:    "forge",
		Short:  "Serve the demo's forge",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			forge, err := forgetest.New(forgetest.Options{Dir: dir, Token: token, URL: "http://" + address, Client: stand.Client()})
			if err != nil {
				return err
			}
			defer forge.Close()
			if err := forge.CreateRepository(repository); err != nil {
				return err
			}
			if _, err := forge.SetHook(repository, hook, secret); err != nil {
				return err
			}
			listener, err := (&net.ListenConfig{}).Listen(c.Context(), "tcp", address)
			if err != nil {
				return fmt.Errorf("listen: %w", err)
			}
			return forge.Serve(c.Context(), listener)
		},
	}
	flags := command.Flags()
	flags.StringVar(&address, "address", "", "where to listen")
	flags.StringVar(&dir, "dir", "", "where repositories are kept")
	flags.StringVar(&token, "token", "", "what git and the API want")
	flags.StringVar(&hook, "hook", "", "where to deliver to")
	flags.StringVar(&secret, "secret", "", "what deliveries are signed with")
	flags.StringVar(&repository, "repository", "", "owner/name of the repository")
	return command
}

// startForge starts the forge's process unless it runs.
func startForge(ctx context.Context, o stand.Options, p stand.Project, address, hook string) error {
	folder := demoFolder(o)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	if forgeRuns(folder) {
		return nil
	}
	program := filepath.Join(folder, "demo")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/demo") //nolint:gosec // own program in the own folder
	build.Dir = o.Root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the forge: %w\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(folder, forgeLog))
	if err != nil {
		return fmt.Errorf("open the forge's log: %w", err)
	}
	defer log.Close()
	forge := exec.Command(program, "forge", "--address", address, "--dir", filepath.Join(folder, forgeData), //nolint:gosec,noctx // it outlives this command
		"--token", p.Token, "--hook", hook, "--secret", p.Secret, "--repository", p.Path)
	forge.Stdout, forge.Stderr = log, log
	forge.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := forge.Start(); err != nil {
		return fmt.Errorf("start the forge: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, forgePid), []byte(strconv.Itoa(forge.Process.Pid)), 0o600); err != nil {
		return fmt.Errorf("note the forge's process: %w", err)
	}
	return stand.Poll(ctx, 10*time.Second, func(context.Context) (bool, error) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	})
}

// forgeRuns reports whether the noted process is the demo's forge.
func forgeRuns(folder string) bool {
	pid, err := forgeProcess(folder)
	return err == nil && pid > 0
}

// forgeProcess returns the forge's process id, 0 when it does not run.
func forgeProcess(folder string) (int, error) {
	data, err := os.ReadFile(filepath.Join(folder, forgePid))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the forge's process: %w", err)
	}
	pid, err := strconv.Atoi(string(data))
	if err != nil {
		return 0, fmt.Errorf("read the forge's process: %w", err)
	}
	program, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
	if err != nil || program != filepath.Join(folder, "demo") {
		return 0, nil
	}
	return pid, nil
}

// stopForge ends the forge's process.
func stopForge(folder string) error {
	pid, err := forgeProcess(folder)
	if err != nil || pid == 0 {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end the forge: %w", err)
	}
	return nil
}
