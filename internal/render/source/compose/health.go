package compose

import (
	"math"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// What Compose does when a health check says nothing.
const (
	healthInterval = 30 * time.Second
	healthTimeout  = 30 * time.Second
	healthRetries  = 3
)

// health asks with the same command, as often and as patiently.
func (e *expansion) health(name string, from service, in *workload.Input) {
	check := from.HealthCheck
	if check == nil || check.Disable || len(check.Test) == 0 || check.Test[0] == "NONE" {
		return
	}
	command := []string(check.Test[1:])
	switch check.Test[0] {
	case "CMD":
	case "CMD-SHELL":
		command = []string{"/bin/sh", "-c", strings.Join(check.Test[1:], " ")}
	default:
		e.Refuse(e.key(name, "healthcheck", "test"), "the test starts with %s; use CMD, CMD-SHELL or NONE", tree.Quote(check.Test[0]))
		return
	}
	if len(command) == 0 {
		e.Refuse(e.key(name, "healthcheck", "test"), "the test has no command; name one")
		return
	}
	in.Service.Health = &project.Health{Command: command}
	in.Probe = pace(check)
}

// pace returns how often a check is asked. A probe isn't due again before the
// time that the one before may take, when the file says that time.
func pace(check *types.HealthCheckConfig) *workload.Probe {
	least := seconds(check.Timeout, 0)
	p := &workload.Probe{
		Timeout:       seconds(check.Timeout, healthTimeout),
		Period:        max(seconds(check.Interval, healthInterval), least),
		Failures:      healthRetries,
		StartPeriod:   seconds(check.StartPeriod, 0),
		StartInterval: max(seconds(check.StartInterval, time.Second), least),
	}
	if check.Retries != nil && *check.Retries > 0 {
		p.Failures = int32(min(*check.Retries, math.MaxInt16))
	}
	return p
}

// seconds rounds up; nothing less than one is due when something is given.
func seconds(given *types.Duration, otherwise time.Duration) int32 {
	d := otherwise
	if given != nil {
		d = time.Duration(*given)
	}
	if given != nil && d <= 0 {
		d = otherwise
	}
	return int32(min(math.Ceil(d.Seconds()), math.MaxInt16))
}
