package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

func organizationOf(namespace string) string {
	organization, _ := naming.OrganizationOf(namespace)
	return cmp.Or(organization, namespace)
}

func markOf(isGood, isBad bool) mark {
	switch {
	case isGood:
		return good
	case isBad:
		return bad
	}
	return waiting
}

func phaseMark(phase v1alpha1.Phase) mark {
	if phase == v1alpha1.PhaseSuperseded {
		return plain
	}
	return markOf(phase == v1alpha1.PhaseSucceeded, phase == v1alpha1.PhaseFailed)
}

// shortImage keeps what tells images apart: the last name and the first
// digits of the digest.
func shortImage(image string) string {
	name, digest, found := strings.Cut(image, "@sha256:")
	name = name[strings.LastIndex(name, "/")+1:]
	if !found {
		return name
	}
	return name + "@" + operate.ShortCommit(digest)
}

// took says how long a release took, or has been at it.
func took(rel *v1alpha1.Release, now time.Time) string {
	if len(rel.Status.Timings) == 0 {
		return "-"
	}
	return seconds(operate.Busy(rel, now))
}

// seconds says a duration in the unit that people think in.
func seconds(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
