package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
)

// ask adds to the facts what the forge tells, where a gate needs it.
func (r *run) ask(ctx context.Context, f *plan.Facts) {
	var silent error
	if len(f.Rule.Requires.Checks) > 0 {
		var err error
		f.Checks, err = r.checks(ctx)
		silent = errors.Join(silent, err)
	}
	if groups := deciding(*f); len(groups) > 0 {
		var err error
		f.Actor.Groups, err = r.groups(ctx, f.Actor.Login, groups)
		silent = errors.Join(silent, err)
	}
	if silent != nil {
		r.Log.Warn("ask the forge", "release", r.Release.Name, "error", silent)
		f.Unknown = "the forge doesn't tell more now: " + fault.MessageOf(silent)
	}
}

func (r *run) checks(ctx context.Context) (map[string]plan.CheckState, error) {
	if r.Facts == nil {
		return nil, unasked()
	}
	return r.Facts.Checks(ctx, r.Inputs)
}

func (r *run) groups(ctx context.Context, login string, among []string) ([]string, error) {
	if r.Facts == nil {
		return nil, unasked()
	}
	return r.Facts.Groups(ctx, r.Inputs, login, among)
}

func unasked() error {
	return fault.New(fault.Internal, "this server speaks with no forge")
}

// deciding returns the groups that may give the actor the right to what is
// asked for; none when the login alone has it.
func deciding(f plan.Facts) []string {
	action := cmp.Or(f.Action, project.ActionDeploy)
	if f.Actor.Login == "" || f.File.RoleOf(f.Actor).May(action, f.Rule.Protected) {
		return nil
	}
	var groups []string
	for _, member := range f.File.Members {
		if member.Group != "" && member.Role.May(action, f.Rule.Protected) {
			groups = append(groups, member.Group)
		}
	}
	return groups
}

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

// facts is what the plan is made from.
func (r *run) facts(s settled, images map[string]plan.Image) plan.Facts {
	file := s.document.File
	facts := plan.Facts{
		File:   file,
		Rule:   s.rule,
		Ref:    r.Stage.Spec.Ref,
		Actor:  project.Actor{Login: r.Release.Spec.Head.Actor},
		Now:    r.Now(),
		Images: images,
		Last:   r.last(),
		Where:  s.where,
	}
	if r.Release.Spec.Trigger.Asked() {
		who, _ := file.Person(r.Release.Spec.By)
		facts.Actor, facts.Action = project.Actor{Login: who.User}, actionOf(r.Release.Spec.Trigger)
	}
	r.verdicts(file, &facts)
	return facts
}

// last returns the images of the stage's last good release.
func (r *run) last() map[string]plan.LastImage {
	images := map[string]plan.LastImage{}
	if r.Good == nil {
		return images
	}
	for _, s := range r.Good.Status.Services {
		images[s.Name] = plan.LastImage{Hash: s.InputHash, Inputs: s.Inputs, Release: fmt.Sprint(r.Good.Spec.Sequence)}
	}
	return images
}
