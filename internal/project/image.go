package project

import "strconv"

// ImageConfig is what an image says of itself, as far as it counts. Its source is
// the image's configuration in a registry, which is read by digest.
type ImageConfig struct {
	// User is whom containers run as: a name or a number, with a group behind a
	// colon; empty means root.
	User string `json:"user,omitempty"`
	// Ports are the TCP ports that it exposes, sorted.
	Ports []int32 `json:"ports,omitempty"`
	// Volumes are the absolute paths where it keeps data, sorted.
	Volumes []string `json:"volumes,omitempty"`
}

// UserID returns the number of a user that isn't root, 0 when it is root's or a
// name's, of which nobody but the image knows the number.
func (c ImageConfig) UserID() int64 {
	digits := 0
	for digits < len(c.User) && c.User[digits] >= '0' && c.User[digits] <= '9' {
		digits++
	}
	if digits < len(c.User) && c.User[digits] != ':' {
		return 0
	}
	id, err := strconv.ParseInt(c.User[:digits], 10, 32)
	if err != nil {
		return 0
	}
	return id
}
