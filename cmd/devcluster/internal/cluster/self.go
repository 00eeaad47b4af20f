package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/netpol"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

// selfFolder holds a copy of this program under the names by which the cluster
// calls it: what started it may be a temporary file of go run.
func (c *Cluster) selfFolder() string { return c.layout.File("bin") }

func (c *Cluster) selfFile() string { return filepath.Join(c.selfFolder(), "devcluster") }

// keepSelf copies this program into the cluster's folder unless it is there.
func (c *Cluster) keepSelf() error {
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	own, err := fileDigest(path)
	if err != nil {
		return err
	}
	if kept, err := fileDigest(c.selfFile()); err == nil && kept == own {
		return nil
	}
	if err := os.MkdirAll(c.selfFolder(), 0o755); err != nil {
		return fmt.Errorf("keep own program: %w", err)
	}
	if err := copyProgram(path, c.selfFile()); err != nil {
		return fmt.Errorf("keep own program: %w", err)
	}
	plugin := filepath.Join(c.selfFolder(), netpol.PluginName)
	if err := os.Symlink("devcluster", plugin); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("keep own program: %w", err)
	}
	return nil
}

// self is a process of this program. It starts anew when the program changed.
func (c *Cluster) self(name string, args ...string) (process.Spec, error) {
	digest, err := fileDigest(c.selfFile())
	if err != nil {
		return process.Spec{}, err
	}
	return process.Spec{
		Name: name, Path: c.selfFile(), Args: args,
		Env:    process.Environment(c.layout.Run),
		Inputs: []string{digest},
	}, nil
}

// copyProgram replaces the target in one step; it may be running.
func copyProgram(source, target string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // only read
	next := target + ".next"
	to, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Close()); err != nil {
		return err
	}
	return os.Rename(next, target)
}

func fileDigest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read program: %w", err)
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("read program %s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
