package mount

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// RemoveBelow unmounts everything at or below the folders, youngest first. A
// mount that is still in use disappears when its last user does.
func RemoveBelow(folders ...string) error {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	var failures []error
	points := below(string(raw), folders)
	for index := len(points) - 1; index >= 0; index-- {
		err := unix.Unmount(points[index], unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) { // gone with its parent
			failures = append(failures, fmt.Errorf("unmount %s: %w", points[index], err))
		}
	}
	return errors.Join(failures...)
}

// below returns the mount points of a mount table that lie in the folders, in
// the order in which they were made.
func below(mountinfo string, folders []string) []string {
	var points []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		const point = 4 // the fifth field; see proc(5)
		if len(fields) <= point {
			continue
		}
		path := unescape(fields[point])
		for _, folder := range folders {
			if relative, err := filepath.Rel(folder, path); err == nil && filepath.IsLocal(relative) {
				points = append(points, path)
				break
			}
		}
	}
	return points
}

// unescape undoes the kernel's \040 for a space and its like.
func unescape(field string) string {
	var out strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if code, err := strconv.ParseUint(field[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		out.WriteByte(field[i])
	}
	return out.String()
}
