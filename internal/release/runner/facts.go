package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
)

// addForgeFacts adds the facts that only the forge knows, where a gate needs
// them.
func (r *run) addForgeFacts(ctx context.Context, f *plan.Facts) {
	var failed error
	if len(f.Rule.Requires.Checks) > 0 {
		var err error
		f.Checks, err = r.checks(ctx)
		failed = errors.Join(failed, err)
	}
	if groups := decidingGroups(*f); len(groups) > 0 {
		var err error
		f.Actor.Groups, err = r.groups(ctx, f.Actor.Login, groups)
		failed = errors.Join(failed, err)
	}
	if failed != nil {
		r.Log.Warn("read facts from the forge", "release", r.Release.Name, "error", failed)
		f.Unknown = "the forge could not be asked: " + fault.MessageOf(failed)
	}
}

func (r *run) checks(ctx context.Context) (map[string]plan.CheckState, error) {
	if r.Facts == nil {
		return nil, errNoForge()
	}
	return r.Facts.Checks(ctx, r.Inputs)
}

func (r *run) groups(ctx context.Context, login string, among []string) ([]string, error) {
	if r.Facts == nil {
		return nil, errNoForge()
	}
	return r.Facts.Groups(ctx, r.Inputs, login, among)
}

func errNoForge() error {
	return fault.New(fault.Internal, "this server is connected to no forge")
}

// decidingGroups returns the groups whose members may do what is requested; none
// when the actor may do it anyway.
func decidingGroups(f plan.Facts) []string {
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

// addVerdicts adds to the facts what people decided about the release. Of several
// verdicts of one person the last counts. Verdicts of people who are not members
// are left out; the plan decides whether those of members count.
func (r *run) addVerdicts(file *project.File, facts *plan.Facts) {
	last := map[string]v1alpha1.Verdict{}
	var logins []string
	for _, verdict := range r.Release.Spec.Verdicts {
		who, known := file.Person(verdict.By)
		if !known {
			continue
		}
		if _, again := last[who.User]; !again {
			logins = append(logins, who.User)
		}
		last[who.User] = verdict
	}
	for _, login := range logins {
		if verdict := last[login]; verdict.Verdict == v1alpha1.VerdictReject {
			facts.Rejections = append(facts.Rejections, plan.Rejection{Login: login, Reason: verdict.Reason})
		} else {
			facts.Approvers = append(facts.Approvers, login)
		}
	}
}

// facts returns what the plan is made from.
func (r *run) facts(s resolved, images map[string]plan.Image) plan.Facts {
	file := s.authority.file
	facts := plan.Facts{
		File:   file,
		Rule:   s.authority.rule,
		Ref:    r.Stage.Spec.Ref,
		Actor:  project.Actor{Login: r.Release.Spec.Head.Actor},
		Now:    r.Now(),
		Images: images,
		Last:   s.last,
		Where:  s.authority.where,
	}
	if r.Release.Spec.Trigger.Asked() {
		who, _ := file.Person(r.Release.Spec.By)
		facts.Actor, facts.Action = project.Actor{Login: who.User}, release.ActionOf(r.Release.Spec.Trigger)
	}
	r.addVerdicts(file, &facts)
	return facts
}

// lastImages returns the images of the stage's last good release.
func (r *run) lastImages(ctx context.Context) (map[string]plan.LastImage, error) {
	images := map[string]plan.LastImage{}
	good, err := r.Whole(ctx, r.Good)
	if fault.CodeOf(err) == fault.NotFound || err == nil && good == nil {
		return images, nil
	}
	if err != nil {
		return nil, err
	}
	for _, s := range good.Status.Services {
		images[s.Name] = plan.LastImage{Hash: s.InputHash, Inputs: s.Inputs, Release: fmt.Sprint(good.Spec.Sequence)}
	}
	return images, nil
}
