package stand

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// maxOutput is how much of a failed program's output an error repeats.
const maxOutput = 4 << 10

// run runs a program and returns what it printed. An error holds the last of
// that.
func (s *Stand) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	command := s.command(ctx, dir, name, args...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		text := strings.TrimSpace(out.String() + errs.String())
		if len(text) > maxOutput {
			text = "…" + text[len(text)-maxOutput:]
		}
		return out.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, text)
	}
	return out.String(), nil
}

// show runs a program whose progress is the person's to see.
func (s *Stand) show(ctx context.Context, dir, name string, args ...string) error {
	command := s.command(ctx, dir, name, args...)
	command.Stdout, command.Stderr = s.options.Progress, s.options.Progress
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

func (s *Stand) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(),
		"DEVCLUSTER_DIR="+s.options.Dir, "DEVCLUSTER_CACHE="+s.options.Cache,
		"KUBECONFIG="+s.Kubeconfig(), "GOTOOLCHAIN=local")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	return command
}

// step does one step of bringing something up and says how long it took.
func (s *Stand) step(ctx context.Context, name string, do func(context.Context) error) error {
	started := time.Now()
	fmt.Fprintf(s.options.Progress, "· %s\n", name)
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if took := time.Since(started); took > time.Second {
		fmt.Fprintf(s.options.Progress, "  done in %.0f s\n", took.Seconds())
	}
	return nil
}
