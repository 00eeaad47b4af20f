package apply

import (
	"testing"
)

func TestOrder(t *testing.T) {
	last := group(-1)
	for _, documents := range [][]string{
		{"ServiceAccount", "Role", "NetworkPolicy"}, {"RoleBinding"}, {"ConfigMap", "Secret"}, {"PersistentVolumeClaim"}, {"Service"}, {"Widget"},
		{"Deployment", "StatefulSet", "CronJob"}, {"Ingress", "HTTPRoute"}, {"HorizontalPodAutoscaler", "PodDisruptionBudget"},
	} {
		first := groupOf(Ref{Kind: documents[0]}.groupKind(), false)
		if first <= last {
			t.Errorf("%s is not after the group before", documents[0])
		}
		for _, kind := range documents {
			if got := groupOf(Ref{Kind: kind}.groupKind(), false); got != first {
				t.Errorf("%s is in group %d, want %d", kind, got, first)
			}
		}
		last = first
	}
	if hook := groupOf(Ref{Kind: "Job"}.groupKind(), true); hook >= groupWorkload || hook <= groupService {
		t.Errorf("release Jobs are in group %d", hook)
	}
}
