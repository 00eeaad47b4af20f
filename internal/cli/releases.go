package cli

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// releases is what the commands about a stage's releases share.
type releases struct {
	stageCommand
	limit int
}

// summary is one release, for programs.
type summary struct {
	Release  int64            `json:"release"`
	Name     string           `json:"name"`
	Commit   string           `json:"commit"`
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

func newReleases(streams Streams) *cobra.Command {
	r := &releases{stageCommand: stageCommand{streams: streams}}
	command := &cobra.Command{
		Use:     "releases PROJECT STAGE",
		Short:   "List a stage's releases, show one, or what two of them differ in",
		GroupID: "see",
		Long: `List a stage's releases, newest first: what commit, by whom, what came of it. The
one that is live is marked with a star.`,
		Example: `  slipway releases shop production
  slipway releases show shop production 42
  slipway releases diff shop production 41 42
  slipway releases logs shop production 42`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: r.completeStages,
		RunE:              func(command *cobra.Command, args []string) error { return r.list(command.Context(), args[0], args[1]) },
	}
	r.flags(command)
	outputFlag(command, &r.format)
	command.Flags().IntVar(&r.limit, "limit", 0, "show only so many (default: all that are kept)")
	command.AddCommand(newReleasesShow(streams), newReleasesDiff(streams), newReleasesLogs(streams))
	return command
}

func (r *releases) list(ctx context.Context, project, stage string) error {
	about, err := r.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	shown := about.releases
	if r.limit > 0 && len(shown) > r.limit {
		shown = shown[:r.limit]
	}
	summaries := []summary{}
	for i := range shown {
		summaries = append(summaries, about.summarise(&shown[i], time.Now()))
	}
	return output{r.streams, r.format}.print(summaries, func(t *table) {
		t.head("", "RELEASE", "COMMIT", "TRIGGER", "BY", "PHASE", "TOOK", "BUILT", "REUSED", "AGE", "MESSAGE")
		for i, s := range summaries {
			t.marked(phaseMark(s.Phase), star(s.Live), fmt.Sprint(s.Release), short(s.Commit), string(s.Trigger), dash(s.By), dash(string(s.Phase)),
				took(&shown[i], time.Now()), fmt.Sprint(s.Built), fmt.Sprint(s.Reused), age(s.Created, time.Now()), s.Message)
		}
		if line := remark(about.stage); line != "" {
			t.marked(waiting, line)
		}
	})
}

func star(live bool) string {
	if live {
		return "*"
	}
	return ""
}

// summarise says about a release what a line can hold.
func (s *subject) summarise(rel *v1alpha1.Release, now time.Time) summary {
	one := summary{
		Release: rel.Spec.Sequence, Name: rel.Name, Commit: rel.Spec.Head.Commit, Subject: rel.Spec.Head.Subject,
		Trigger: rel.Spec.Trigger, From: rel.Spec.From, By: cmp.Or(rel.Spec.By, rel.Spec.Head.Actor),
		Phase: rel.Status.Phase, Cause: rel.Status.Cause, Built: rel.Status.Built, Reused: rel.Status.Reused, Seconds: busy(rel, now).Seconds(),
		Created: rel.CreationTimestamp.Time, Message: rel.Status.Message,
	}
	if good := s.good(); good != nil {
		one.Live = good.Name == rel.Name
	}
	for _, verdict := range rel.Spec.Verdicts {
		if verdict.Verdict == v1alpha1.VerdictApprove {
			one.Approved = append(one.Approved, verdict.By)
		}
	}
	return one
}

// remark is what keeps a stage from releasing by itself, empty for nothing.
func remark(stage *v1alpha1.Stage) string {
	automatic := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionAutoDeploy)
	switch {
	case stage.Spec.Pause != nil:
		return "paused " + pausedBy(stage.Spec.Pause)
	case automatic != nil && automatic.Status == metav1.ConditionFalse && stage.Spec.PromoteFrom == "":
		return automatic.Message
	}
	return ""
}

// sequenceOf reads a release's number from an argument.
func sequenceOf(arg string) (int64, error) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 1 {
		return 0, &usageError{fmt.Errorf("%.40q is no number of a release; `slipway releases PROJECT STAGE` lists them", arg)}
	}
	return n, nil
}

// numbered finds a release by PROJECT STAGE N.
func (s *stageCommand) numbered(ctx context.Context, args []string) (*subject, *v1alpha1.Release, error) {
	sequence, err := sequenceOf(args[2])
	if err != nil {
		return nil, nil, err
	}
	about, err := s.subject(ctx, args[0], args[1])
	if err != nil {
		return nil, nil, err
	}
	rel, err := about.release(sequence)
	return about, rel, err
}

// refused reports whether the server did not accept a person's release, which
// then counts for nothing in its stage's life.
func refused(rel *v1alpha1.Release) bool {
	return meta.IsStatusConditionFalse(rel.Status.Conditions, v1alpha1.ConditionAccepted)
}

// newest returns the newest release that counts.
func (s *subject) newest() (*v1alpha1.Release, error) {
	for i := range s.releases {
		if !refused(&s.releases[i]) {
			return &s.releases[i], nil
		}
	}
	return nil, fault.New(fault.NotFound, "%s has no release yet; push to %s", s, s.stage.Spec.Ref)
}
