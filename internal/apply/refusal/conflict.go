package refusal

import (
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Conflict is a field, or all fields, that another manager set to another
// value.
type Conflict struct {
	Ref     inventory.Ref
	Manager string
	// Subresource is what the manager wrote to, such as "scale"; mostly empty.
	Subresource string
	Field       string
}

// conflictWords are what the API server says of one conflicting field.
var conflictWords = regexp.MustCompile(`^conflict with "((?:[^"\\]|\\.)*)"(?: with subresource "([^"]*)")?`)

// ConflictsOf returns the conflicting fields and their managers from the answer
// to an apply without force; none when the answer is about something else.
func ConflictsOf(ref inventory.Ref, status *metav1.Status) []Conflict {
	if status == nil || status.Details == nil || status.Reason != metav1.StatusReasonConflict {
		return nil
	}
	var conflicts []Conflict
	for _, c := range status.Details.Causes {
		if c.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		conflict := Conflict{Ref: ref, Manager: "another manager", Field: printable.Excerpt(c.Field, 200)}
		if match := conflictWords.FindStringSubmatch(c.Message); match != nil {
			conflict.Manager, conflict.Subresource = printable.Excerpt(strings.ReplaceAll(match[1], `\"`, `"`), 128), match[2]
		}
		conflicts = append(conflicts, conflict)
	}
	return conflicts
}
