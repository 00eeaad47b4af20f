package kube

import (
	"errors"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// ReasonOf names an error in a condition.
func ReasonOf(err error) string {
	var problems projectfile.Problems
	if errors.As(err, &problems) {
		return "ProjectFileInvalid"
	}
	switch fault.CodeOf(err) {
	case fault.Invalid:
		return "Invalid"
	case fault.NotFound:
		return "NotFound"
	case fault.Denied:
		return "Denied"
	case fault.Conflict:
		return "Conflict"
	case fault.Unavailable:
		return "Unavailable"
	}
	return "InternalError"
}
