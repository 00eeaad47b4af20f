package cluster

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/kube"
)

// maxShown is how many nodes a condition names.
const maxShown = 5

// userNamespaces says whether pods of stages can be root in a user namespace.
func userNamespaces(policy v1alpha1.ClusterPolicy, nodes cluster.Nodes, err error) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionUserNamespaces, Status: metav1.ConditionFalse}
	without := len(nodes.WithoutUserNamespaces)
	consequence := "stages of the level contained are refused; upgrade the nodes to Kubernetes 1.33 or newer with containerd 2 or CRI-O on Linux 6.3 or newer, or choose in spec.policy: podSecurity: restricted, or hostUsers: true to hold them to baseline"
	if policy.HostUsers {
		consequence = "stages of the level contained are held to baseline, as spec.policy.hostUsers says"
	}
	switch {
	case err != nil:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionUnknown, kube.ReasonOf(err), kube.Sentence(err)
	case nodes.Number == 0:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionUnknown, "NoNodes", "the cluster has no nodes yet"
	case without == 0:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionTrue, "AllNodes", "every node has user namespaces"
	case without == nodes.Number:
		condition.Reason = v1alpha1.ReasonNoUserNamespaces
		condition.Message = fmt.Sprintf("no node has user namespaces (%s): %s", names(nodes.WithoutUserNamespaces), consequence)
	default:
		condition.Reason = "SomeNodes"
		condition.Message = fmt.Sprintf("%d of %d nodes have no user namespaces, and pods of the level contained can't start there: %s; upgrade or taint these nodes", without, nodes.Number, names(nodes.WithoutUserNamespaces))
	}
	return condition
}

func names(nodes []string) string {
	if more := len(nodes) - maxShown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(nodes[:maxShown], ", "), more)
	}
	return strings.Join(nodes, ", ")
}
