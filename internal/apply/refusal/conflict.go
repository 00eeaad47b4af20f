package refusal

import (
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// Conflict is fields that somebody else set to another value.
type Conflict struct {
	Ref     inventory.Ref
	Manager string
	// Subresource is where the manager did it: "scale", mostly empty.
	Subresource string
	Field       string
}

// conflictWords are what the API server says of one conflicting field.
var conflictWords = regexp.MustCompile(`^conflict with "((?:[^"\\]|\\.)*)"(?: with subresource "([^"]*)")?`)

// ConflictsOf reads who owns the fields that an apply without force was
// refused for; empty when the answer is about something else.
func ConflictsOf(ref inventory.Ref, status *metav1.Status) []Conflict {
	if status == nil || status.Details == nil || status.Reason != metav1.StatusReasonConflict {
		return nil
	}
	var conflicts []Conflict
	for _, c := range status.Details.Causes {
		if c.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		conflict := Conflict{Ref: ref, Manager: "another manager", Field: cause.Clip(c.Field, 200)}
		if match := conflictWords.FindStringSubmatch(c.Message); match != nil {
			conflict.Manager, conflict.Subresource = cause.Clip(strings.ReplaceAll(match[1], `\"`, `"`), 128), match[2]
		}
		conflicts = append(conflicts, conflict)
	}
	return conflicts
}
