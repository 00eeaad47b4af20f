package operate

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// ReleaseSummary is one release in a list.
type ReleaseSummary struct {
	Release  int64            `json:"release"`
	Name     string           `json:"name"`
	Commit   string           `json:"commit"`
	Head     string           `json:"head,omitempty"` // the newest commit that has what the live release brought
	Subject  string           `json:"subject,omitempty"`
	Trigger  v1alpha1.Trigger `json:"trigger"`
	From     string           `json:"from,omitempty"`
	By       string           `json:"by,omitempty"`
	Phase    v1alpha1.Phase   `json:"phase"`
	Cause    string           `json:"cause,omitempty"`
	Seconds  float64          `json:"seconds,omitempty"`
	Built    int32            `json:"built"`
	Reused   int32            `json:"reused"`
	Created  time.Time        `json:"created"`
	Live     bool             `json:"live,omitempty"`
	Message  string           `json:"message,omitempty"`
	Approved []string         `json:"approved,omitempty"`
}

// Summaries returns the stage's releases, newest first and at most limit of
// them; limit 0 means all.
func (s *Stage) Summaries(limit int, now time.Time) []ReleaseSummary {
	shown := s.Releases
	if limit > 0 && len(shown) > limit {
		shown = shown[:limit]
	}
	good := s.Good()
	summaries := []ReleaseSummary{}
	for i := range shown {
		one := summarise(&shown[i], now)
		if one.Live = good != nil && good.Name == one.Name; one.Live && one.Commit == s.Object.Status.Commit {
			one.Head = s.Object.Status.Unchanged()
		}
		summaries = append(summaries, one)
	}
	return summaries
}

func summarise(rel *v1alpha1.Release, now time.Time) ReleaseSummary {
	one := ReleaseSummary{
		Release: rel.Spec.Sequence, Name: rel.Name, Commit: rel.Spec.Head.Commit, Subject: rel.Spec.Head.Subject,
		Trigger: rel.Spec.Trigger, From: rel.Spec.From, By: cmp.Or(rel.Spec.By, rel.Spec.Head.Actor),
		Phase: rel.Status.Phase, Cause: rel.Status.Cause, Built: rel.Status.Built, Reused: rel.Status.Reused, Seconds: Busy(rel, now).Seconds(),
		Created: rel.CreationTimestamp.Time, Message: rel.Status.Message,
	}
	for _, verdict := range rel.Spec.Verdicts {
		if verdict.Verdict == v1alpha1.VerdictApprove {
			one.Approved = append(one.Approved, verdict.By)
		}
	}
	return one
}

// Busy returns how long a release took, or has been at it, without the time
// that it waited for people.
func Busy(rel *v1alpha1.Release, now time.Time) time.Duration {
	var sum time.Duration
	timings := rel.Status.Timings
	for i, phase := range timings {
		if phase.Phase == v1alpha1.PhaseHeld || phase.Phase.Done() {
			continue
		}
		end := now
		if i+1 < len(timings) {
			end = timings[i+1].At.Time
		}
		sum += end.Sub(phase.At.Time)
	}
	return sum
}

// WhyNotAutomatic says what keeps a stage from releasing by itself, empty for
// nothing.
func WhyNotAutomatic(stage *v1alpha1.Stage) string {
	automatic := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionAutoDeploy)
	switch {
	case stage.Spec.Pause != nil:
		return "paused " + PausedBy(stage.Spec.Pause)
	case automatic != nil && automatic.Status == metav1.ConditionFalse && stage.Spec.PromoteFrom == "":
		return automatic.Message
	}
	return ""
}
