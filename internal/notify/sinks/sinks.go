package sinks

import (
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/notify/comment"
	"github.com/slipway-dev/slipway/internal/notify/commitstatus"
	"github.com/slipway-dev/slipway/internal/notify/deployment"
)

// All returns the sinks in the order in which they hear of a report.
func All() notify.Sinks {
	return notify.Sinks{
		commitstatus.Sink{},
		deployment.New(),
		comment.Sink{},
	}
}
