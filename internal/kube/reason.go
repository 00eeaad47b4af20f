package kube

import "github.com/slipway-dev/slipway/internal/fault"

// ReasonOf names an error's code as the reason of a condition.
func ReasonOf(err error) string {
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
