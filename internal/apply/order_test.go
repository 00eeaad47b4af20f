package apply

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

func TestOrder(t *testing.T) {
	last := group(-1)
	for _, documents := range [][]string{
		{"ServiceAccount", "Role", "NetworkPolicy"}, {"RoleBinding"}, {"ConfigMap", "Secret"}, {"PersistentVolumeClaim"}, {"Service"}, {"Widget"},
		{"Deployment", "StatefulSet", "CronJob"}, {"Ingress", "HTTPRoute"}, {"HorizontalPodAutoscaler", "PodDisruptionBudget"},
	} {
		first := groupOf(inventory.Ref{Kind: documents[0]}.GroupKind(), false)
		if first <= last {
			t.Errorf("%s is not after the group before", documents[0])
		}
		for _, kind := range documents {
			if got := groupOf(inventory.Ref{Kind: kind}.GroupKind(), false); got != first {
				t.Errorf("%s is in group %d, want %d", kind, got, first)
			}
		}
		last = first
	}
	if hook := groupOf(inventory.Ref{Kind: "Job"}.GroupKind(), true); hook >= groupWorkload || hook <= groupService {
		t.Errorf("release Jobs are in group %d", hook)
	}
}
