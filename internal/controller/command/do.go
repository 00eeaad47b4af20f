package command

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/command"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

// do carries out what a member asks for, and says what came of it.
func (r *Reconciler) do(ctx context.Context, p *v1alpha1.Project, d *v1alpha1.Delivery, c command.Command, by string) (v1alpha1.CommandAnswer, error) {
	switch c.Name {
	case command.Help:
		return v1alpha1.CommandAnswer{Message: "the commands are listed below"}, nil
	case command.Approve, command.Preview: // which the sync answers, unless it failed
		return refused("project " + p.Name + " can't be synced: " + d.Status.Message), nil
	}
	stage, err := r.preview(ctx, p, d)
	if err != nil {
		return v1alpha1.CommandAnswer{}, err
	}
	who := operate.Actor{Name: by, Reason: fmt.Sprintf("comment %s under pull request %d", d.Spec.Comment, d.Spec.PullRequest)}
	switch c.Name {
	case command.Restart:
		return once(stage, who, v1alpha1.TriggerRestart, func() (*v1alpha1.Release, error) { return stage.Restart(ctx, who, c.Services...) })
	case command.Sleep:
		return once(stage, who, v1alpha1.TriggerSleep, func() (*v1alpha1.Release, error) { return stage.Sleep(ctx, who) })
	case command.Wake:
		return once(stage, who, v1alpha1.TriggerWake, func() (*v1alpha1.Release, error) { return stage.Wake(ctx, who) })
	case command.Extend:
		until, err := stage.Extend(ctx, who, r.Now(), c.Extension)
		return v1alpha1.CommandAnswer{Message: "the preview does not end before " + until.Format("2006-01-02 15:04 MST")}, err
	}
	return v1alpha1.CommandAnswer{Message: logs(stage)}, nil
}

// preview returns the preview of the pull request that a comment is under.
func (r *Reconciler) preview(ctx context.Context, p *v1alpha1.Project, d *v1alpha1.Delivery) (*operate.Stage, error) {
	name := naming.StageForPullRequest("", d.Spec.PullRequest)
	stage, err := operate.Stages{Client: r.Live}.Find(ctx, p.Namespace, p.Name, name)
	if fault.CodeOf(err) == fault.NotFound || err == nil && stage.Object.Spec.PullRequest != d.Spec.PullRequest {
		return nil, fault.New(fault.NotFound, "the pull request has no preview")
	}
	return stage, err
}

// once asks for a release, unless this comment did. Nothing to ask for is no mistake.
func once(stage *operate.Stage, who operate.Actor, trigger v1alpha1.Trigger, ask func() (*v1alpha1.Release, error)) (v1alpha1.CommandAnswer, error) {
	for i := range stage.Releases {
		if known := &stage.Releases[i]; known.Spec.Trigger == trigger && known.Spec.By == who.Name && known.Spec.Reason == who.Reason {
			return asked(known), nil
		}
	}
	made, err := ask()
	if err != nil {
		return v1alpha1.CommandAnswer{}, err
	}
	return asked(made), nil
}

// asked says which release was asked for; nil for none.
func asked(r *v1alpha1.Release) v1alpha1.CommandAnswer {
	if r == nil {
		return v1alpha1.CommandAnswer{Message: "it is so already"}
	}
	text := fmt.Sprintf("release %d: %s", r.Spec.Sequence, r.Spec.Trigger)
	if len(r.Spec.Services) > 0 {
		text += " of " + strings.Join(r.Spec.Services, ", ")
	}
	return v1alpha1.CommandAnswer{Message: text}
}

// logs says how the newest release of a preview stands, with what its failure recorded.
func logs(stage *operate.Stage) string {
	newest, err := stage.Newest()
	if err != nil {
		return "no release of the preview yet"
	}
	text := fmt.Sprintf("release %d of commit %.8s is %s; `slipway releases logs %s %d` shows what its builds printed\n%s",
		newest.Spec.Sequence, newest.Spec.Head.Commit, newest.Status.Phase, stage.Arguments(), newest.Spec.Sequence, newest.Status.Message)
	if ready := meta.FindStatusCondition(stage.Object.Status.Conditions, v1alpha1.ConditionReady); ready != nil && ready.Message != newest.Status.Message {
		text += "\n" + ready.Message
	}
	return text
}
