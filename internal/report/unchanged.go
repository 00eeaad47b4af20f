package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Unchanged is how stages stand at a commit that changes nothing there.
type Unchanged struct {
	Repository string   // owner/name at the forge
	Commit     string   // full id
	Stage      string   // whose own report this is; empty for the one of all stages together
	Stages     []string // those that it is about, by name
	Step       Step     // StepUnchanged, or StepFailed when what the stage was made from did
	Sentence   string   // one line
	URL        string   // where it can be seen; may be empty
}

// UnchangedOf reports the commits that change nothing at stages: of each stage that
// reports on its own, and then once for all stages of a commit. It is silent about a
// stage as long as the release that the commit equals is under way, and the common
// report does not count those where that release failed or was rolled back.
func UnchangedOf(p *v1alpha1.Project, stages []v1alpha1.Stage, own func(*v1alpha1.Stage) bool) []Unchanged {
	var reports []Unchanged
	together := map[string][]*v1alpha1.Stage{} // by commit
	for i := range stages {
		stage := &stages[i]
		step, sentence := unchangedStep(stage)
		if step == "" {
			continue
		}
		commit := stage.Status.Head.Commit
		if step == StepUnchanged {
			together[commit] = append(together[commit], stage)
		}
		if own(stage) {
			reports = append(reports, Unchanged{
				Repository: p.Primary().Path, Commit: commit, Stage: stage.Spec.Name, Stages: []string{stage.Spec.Name},
				Step: step, Sentence: sentence, URL: stage.Status.URL,
			})
		}
	}
	slices.SortFunc(reports, func(a, b Unchanged) int { return strings.Compare(a.Stage, b.Stage) })
	return append(reports, ofAll(p, together)...)
}

// unchangedStep returns how a stage stands at the head that leaves it as it is, with
// a sentence; both are empty when it has none, or when that isn't decided yet.
func unchangedStep(stage *v1alpha1.Stage) (Step, string) {
	head, status := stage.Status.Head, &stage.Status
	if head == nil || stage.DeletionTimestamp != nil {
		return "", ""
	}
	since := fmt.Sprintf("unchanged since %.8s", head.Since)
	switch {
	case status.Quarantine != nil && status.Quarantine.Commit == head.Since:
		return StepFailed, StepFailed.describe(since + ", which was rolled back")
	case status.Unchanged() != "":
		return StepUnchanged, since
	case status.Attempted == head.Since && status.Phase == v1alpha1.PhaseFailed:
		return StepFailed, StepFailed.describe(since + ", which failed")
	}
	return "", ""
}

// ofAll returns one report for each commit, about all of its stages.
func ofAll(p *v1alpha1.Project, together map[string][]*v1alpha1.Stage) []Unchanged {
	var reports []Unchanged
	for commit, stages := range together {
		report := Unchanged{Repository: p.Primary().Path, Commit: commit, Step: StepUnchanged, Sentence: fmt.Sprintf("%d stages unchanged", len(stages))}
		if len(stages) == 1 {
			one := stages[0]
			report.Sentence = fmt.Sprintf("stage %s unchanged since %.8s", one.Spec.Name, one.Status.Head.Since)
			report.URL = one.Status.URL
		}
		for _, stage := range stages {
			report.Stages = append(report.Stages, stage.Spec.Name)
		}
		slices.Sort(report.Stages)
		reports = append(reports, report)
	}
	slices.SortFunc(reports, func(a, b Unchanged) int { return strings.Compare(a.Commit, b.Commit) })
	return reports
}
