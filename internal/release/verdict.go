package release

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
)

// verdicts adds to the facts what people decided about the release. Of several
// verdicts of one person the last counts. Whether theirs count at all is the
// plan's business; who is no member says nothing.
func (r *run) verdicts(file *project.File, facts *plan.Facts) {
	last := map[string]v1alpha1.Verdict{}
	var order []string
	for _, verdict := range r.Release.Spec.Verdicts {
		who, known := file.Person(verdict.By)
		if !known {
			continue
		}
		if _, again := last[who.User]; !again {
			order = append(order, who.User)
		}
		last[who.User] = verdict
	}
	for _, login := range order {
		if verdict := last[login]; verdict.Verdict == v1alpha1.VerdictReject {
			facts.Rejections = append(facts.Rejections, plan.Rejection{Login: login, Reason: verdict.Reason})
		} else {
			facts.Approvers = append(facts.Approvers, login)
		}
	}
}

// noteApproval says in the status who approved.
func (r *run) noteApproval(by []string) {
	if len(by) == 0 {
		return
	}
	r.condition(v1alpha1.ConditionApproved, "Approved", "approved by "+strings.Join(by, ", "))
}

// approvedBy returns what the status says of approvals, as the end of a
// sentence.
func (r *run) approvedBy() string {
	if c := meta.FindStatusCondition(r.status.Conditions, v1alpha1.ConditionApproved); c != nil {
		return "; " + c.Message
	}
	return ""
}

// condition notes that something is true of the release.
func (r *run) condition(kind, reason, message string) {
	meta.SetStatusCondition(&r.status.Conditions, metav1.Condition{
		Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: fault.Clip(message, 1024),
		LastTransitionTime: metav1.Time{Time: r.Now()}, ObservedGeneration: r.Release.Generation,
	})
}
