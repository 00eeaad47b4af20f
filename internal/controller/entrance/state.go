package entrance

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/release"
)

// maxMessage bounds what is said of a release, in bytes.
const maxMessage = 1024

// entranceOf returns the entrance of a preview with the releases of its history.
func entranceOf(stage *v1alpha1.Stage, h release.History, to routes) entrance.Entrance {
	e := entrance.Entrance{Project: stage.Spec.Project, Stage: stage.Spec.Name, State: entrance.Starting, Backends: map[int32]string{}}
	for _, host := range to.hosts {
		e.Hosts = append(e.Hosts, strings.ToLower(host))
	}
	for _, b := range to.backends {
		e.Backends[b.Listens] = fmt.Sprintf("%s.%s.svc:%d", b.Service, stage.Spec.Namespace, b.Port)
	}
	if len(h) == 0 {
		return e
	}
	newest := &h[0]
	e.Phase, e.Message = newest.Status.Phase, printable.Passage(newest.Status.Message, maxMessage)
	asleep := h.Asleep()
	idle := newest.Status.Phase.Done() || newest.Status.Phase == v1alpha1.PhaseHeld
	switch {
	case asleep != nil && (idle || asleep.Name == newest.Name):
		e.State, e.Sleep = entrance.Asleep, asleep.Name
		if trigger := newest.Spec.Trigger; trigger != v1alpha1.TriggerWake && trigger != v1alpha1.TriggerAutoWake {
			e.Phase, e.Message = "", "" // says nothing of whether it wakes
		}
	case idle, h.Good() != nil && h.Before(newest).Asleep() == nil: // a release of what runs replaces pod by pod
		e.State = entrance.Awake
	}
	return e
}
