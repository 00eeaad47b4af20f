package output

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

// Organization returns the organization of a namespace, or the namespace where it
// is no organization's.
func Organization(namespace string) string {
	organization, _ := naming.OrganizationOf(namespace)
	return cmp.Or(organization, namespace)
}

// MarkOf returns the mark of something that ended well, badly or not yet.
func MarkOf(isGood, isBad bool) Mark {
	switch {
	case isGood:
		return Good
	case isBad:
		return Bad
	}
	return Waiting
}

// PhaseMark returns the mark of a release's phase.
func PhaseMark(phase v1alpha1.Phase) Mark {
	if phase == v1alpha1.PhaseSuperseded {
		return plain
	}
	return MarkOf(phase == v1alpha1.PhaseSucceeded, phase == v1alpha1.PhaseFailed)
}

// ShortImage keeps what tells images apart: the last name and the first
// digits of the digest.
func ShortImage(image string) string {
	name, digest, found := strings.Cut(image, "@sha256:")
	name = name[strings.LastIndex(name, "/")+1:]
	if !found {
		return name
	}
	return name + "@" + operate.ShortCommit(digest)
}

// Took says how long a release took, or has been running, without the time that it
// waited for people.
func Took(rel *v1alpha1.Release, now time.Time) string {
	if len(rel.Status.Timings) == 0 {
		return "-"
	}
	return Seconds(operate.Busy(rel, now))
}

// Seconds says a duration in the unit that people think in.
func Seconds(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
