package tenancy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/internal/printable"
)

// maxRemains bounds what is repeated of Kubernetes' words about one condition.
const maxRemains = 300

// remainingKind finds the kinds in Kubernetes' words about what a namespace still
// holds: "configmaps. has 1 resource instances, widgets.example.com has 2 …".
var remainingKind = regexp.MustCompile(`([a-z0-9]+(?:\.[a-z0-9-]+)*)\.? has [0-9]+ resource`)

// Remains says what keeps a namespace that is being deleted, and what to do; empty
// when nothing is known to.
func Remains(namespace *corev1.Namespace) string {
	if namespace.DeletionTimestamp.IsZero() {
		return ""
	}
	var why, kinds []string
	for _, c := range namespace.Status.Conditions {
		if c.Status != corev1.ConditionTrue || c.Message == "" {
			continue
		}
		why = append(why, strings.TrimRight(printable.Excerpt(c.Message, maxRemains), ". "))
		for _, match := range remainingKind.FindAllStringSubmatch(c.Message, -1) {
			if !slices.Contains(kinds, match[1]) {
				kinds = append(kinds, match[1])
			}
		}
	}
	if len(namespace.Finalizers) > 0 {
		why = append(why, "the namespace itself has the finalizer "+printable.Excerpt(strings.Join(namespace.Finalizers, ", "), maxRemains))
	}
	begin := fmt.Sprintf("namespace %s is being deleted since %s", namespace.Name, namespace.DeletionTimestamp.UTC().Format("2006-01-02 15:04:05 MST"))
	if len(why) == 0 {
		return begin
	}
	remedy := "whoever set the finalizer must take it off"
	if len(kinds) > 0 {
		remedy = fmt.Sprintf("look with kubectl -n %s get %s -o yaml; whoever set a finalizer there must take it off", namespace.Name, strings.Join(kinds, ","))
	}
	return begin + ": " + strings.Join(why, "; ") + "; " + remedy
}
