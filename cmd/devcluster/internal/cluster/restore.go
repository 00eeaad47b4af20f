package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/network"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// Places that can't be configured: the kubelet links to logs in the first and
// makes a folder for device plugins in the second; network plugins' results are
// kept in the third.
const (
	logLinks      = "/var/log/containers"
	kubeletFolder = "/var/lib/kubelet"
	cniFolder     = "/var/lib/cni"
)

// missingFolders are those that aren't there, so that down may remove them.
func missingFolders() []string {
	var missing []string
	for _, folder := range []string{logLinks, kubeletFolder, cniFolder} {
		if _, err := os.Lstat(folder); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, folder)
		}
	}
	return missing
}

// restore gives the kernel the settings it had before, and removes the folders
// that weren't there. A state that can't be read leaves both: they do no harm.
func (c *Cluster) restore() error {
	known, err := state.Load(c.stateFile())
	if err != nil {
		c.report.Say("kernel settings stay as they are: %v", err)
		return nil
	}
	failures := []error{network.WriteSettings(known.Sysctls)}
	for _, folder := range known.MadeFolders {
		switch folder { // never what a damaged file happens to name
		case kubeletFolder, cniFolder, logLinks:
			failures = append(failures, os.RemoveAll(folder))
		}
	}
	return errors.Join(failures...)
}

// removeEntries removes the cluster's entries from folders that others use too.
func (c *Cluster) removeEntries() error {
	links, err := filepath.Glob(filepath.Join(logLinks, "*"))
	if err != nil {
		return fmt.Errorf("list log links: %w", err)
	}
	var failures []error
	for _, link := range links {
		target, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(target, c.layout.Run+"/") {
			failures = append(failures, os.Remove(link))
		}
	}
	results, err := filepath.Glob(filepath.Join(cniFolder, "results", "slipway-devcluster-*"))
	if err != nil {
		return fmt.Errorf("list network results: %w", err)
	}
	for _, result := range results {
		failures = append(failures, os.Remove(result))
	}
	return errors.Join(failures...)
}
