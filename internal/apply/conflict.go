package apply

import (
	"github.com/slipway-dev/slipway/internal/apply/cause"
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// conflictsOf reads who owns the fields that an apply without force was
// refused for; empty when the answer is about something else.
func conflictsOf(ref Ref, status *metav1.Status) []Conflict {
	if status == nil || status.Details == nil || status.Reason != metav1.StatusReasonConflict {
		return nil
	}
	words := regexp.MustCompile(`^conflict with "((?:[^"\\]|\\.)*)"(?: with subresource "([^"]*)")?`)
	var conflicts []Conflict
	for _, c := range status.Details.Causes {
		if c.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		conflict := Conflict{Ref: ref, Manager: "another manager", Field: cause.Clip(c.Field, 200)}
		if match := words.FindStringSubmatch(c.Message); match != nil {
			conflict.Manager, conflict.Subresource = cause.Clip(strings.ReplaceAll(match[1], `\"`, `"`), 128), match[2]
		}
		conflicts = append(conflicts, conflict)
	}
	return conflicts
}
