package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Marker is the environment variable that every process of a cluster carries,
// and that its own children inherit. Its value is the cluster's folder.
const Marker = "SLIPWAY_DEVCLUSTER_RUN"

// Mark is the environment entry for processes of the cluster in dir.
func Mark(dir string) string { return Marker + "=" + dir }

// Marked lists the processes that carry the mark of dir, the caller excepted:
// also those whose record was lost because their starter was killed.
func Marked(dir string) ([]Identity, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []Identity
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		id, err := Identify(pid)
		if err != nil {
			continue // it ended meanwhile
		}
		environ, err := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if err == nil && hasEntry(environ, Mark(dir)) && id.Alive() {
			found = append(found, id)
		}
	}
	return found, nil
}

// Sweep ends every process that carries the mark of dir.
func Sweep(ctx context.Context, dir string, grace time.Duration) error {
	left, err := Marked(dir)
	if err != nil {
		return err
	}
	var failures []error
	for _, id := range left {
		failures = append(failures, id.end(ctx, grace))
	}
	return errors.Join(failures...)
}

func hasEntry(environ []byte, entry string) bool {
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		if string(variable) == entry {
			return true
		}
	}
	return false
}
