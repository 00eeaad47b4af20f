package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/slipway-dev/slipway/internal/project"
)

// startSeconds is how long a container may take to start.
const startSeconds = 300

// addProbes lets Kubernetes see when the container is started, ready and
// stuck. A service without health but with a port is ready when the port
// accepts connections.
func addProbes(c *corev1.Container, in Input) {
	s := in.Service
	handler, ok := probeHandler(s)
	if !ok {
		return
	}
	c.ReadinessProbe = &corev1.Probe{ProbeHandler: handler, PeriodSeconds: 5, TimeoutSeconds: 3, FailureThreshold: 3}
	if s.Health == nil {
		c.ReadinessProbe.PeriodSeconds = 2
		return
	}
	c.StartupProbe = &corev1.Probe{
		ProbeHandler:        handler,
		InitialDelaySeconds: s.Health.InitialDelay,
		PeriodSeconds:       1,
		TimeoutSeconds:      3,
		FailureThreshold:    startSeconds,
	}
	c.LivenessProbe = &corev1.Probe{ProbeHandler: handler, PeriodSeconds: 10, TimeoutSeconds: 5, FailureThreshold: 6}
	if in.Probe != nil {
		in.Probe.pace(c)
	}
}

// pace makes a container's probes ask as often as p says.
func (p Probe) pace(c *corev1.Container) {
	for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.StartupProbe, c.LivenessProbe} {
		probe.PeriodSeconds, probe.TimeoutSeconds = p.Period, p.Timeout
	}
	c.ReadinessProbe.FailureThreshold = p.Failures
	c.LivenessProbe.FailureThreshold = 2 * p.Failures
	c.StartupProbe.PeriodSeconds = p.StartInterval
	c.StartupProbe.FailureThreshold = (startSeconds + p.StartPeriod + p.StartInterval - 1) / p.StartInterval
}

func probeHandler(s project.Service) (corev1.ProbeHandler, bool) {
	switch {
	case s.Health != nil && len(s.Health.Command) > 0:
		return corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: s.Health.Command}}, true
	case s.Health != nil && s.Health.Path != "" && s.Port != 0:
		return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: s.Health.Path, Port: intstr.FromString(mainPort), Scheme: corev1.URISchemeHTTP,
		}}, true
	case s.Port != 0:
		return corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString(mainPort)}}, true
	}
	return corev1.ProbeHandler{}, false
}
