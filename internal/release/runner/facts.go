package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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
	failed = errors.Join(failed, r.addGroups(ctx, f, &f.Actor))
	for i := range f.Contributions {
		failed = errors.Join(failed, r.addGroups(ctx, f, &f.Contributions[i].Actor))
	}
	if failed != nil {
		r.Log.Warn("read facts from the forge", "release", r.Release.Name, "error", failed)
		f.Unknown = "the forge could not be asked: " + fault.MessageOf(failed)
	}
}

// addGroups adds the groups of somebody who may not do what is requested by login
// alone.
func (r *run) addGroups(ctx context.Context, f *plan.Facts, actor *project.Actor) error {
	groups := decidingGroups(*f, *actor)
	if len(groups) == 0 {
		return nil
	}
	var err error
	actor.Groups, err = r.groups(ctx, actor.Login, groups)
	return err
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
func decidingGroups(f plan.Facts, actor project.Actor) []string {
	action := cmp.Or(f.Action, project.ActionDeploy)
	if actor.Login == "" || f.File.RoleOf(actor).May(action, f.Rule.Protected) {
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
		File:    file,
		Rule:    s.authority.rule,
		Ref:     r.Stage.Spec.Ref,
		Preview: r.Stage.IsPreview(),
		Actor:   project.Actor{Login: r.Release.Spec.Head.Actor},
		Now:     r.Now(),
		Images:  images,
		Last:    s.last,
		Where:   s.authority.where,
	}
	if r.Release.Spec.Trigger.Asked() {
		who, _ := file.Person(r.Release.Spec.By)
		facts.Actor, facts.Action = project.Actor{Login: who.User}, release.ActionOf(r.Release.Spec.Trigger)
	}
	facts.SameCommit, facts.Contributions = r.contributions()
	r.addVerdicts(file, &facts)
	return facts
}

// contributions returns whether the last good release has the commit, and what else
// of the head differs from it. The project file is one where another ref feeds the
// stage; else it is the commit's.
func (r *run) contributions() (sameCommit bool, added []plan.Contribution) {
	head := r.Release.Spec.Head
	var good v1alpha1.Head
	if r.Good != nil {
		good = r.Good.Spec.Head
	}
	if head.FileActor != v1alpha1.ActorRegistration && head.FileCommit != head.Commit && head.FileObject != good.FileObject && head.FileID != good.FileID {
		added = append(added, plan.Contribution{What: fmt.Sprintf("%s of commit %.8s", project.FileName, head.FileCommit), Actor: project.Actor{Login: head.FileActor}})
	}
	for _, c := range head.Secondary {
		known := func(g v1alpha1.RepositoryCommit) bool { return g.Repository == c.Repository && g.Commit == c.Commit }
		if c.Actor != v1alpha1.ActorRegistration && !slices.ContainsFunc(good.Secondary, known) {
			added = append(added, plan.Contribution{What: fmt.Sprintf("commit %.8s of repository %s", c.Commit, c.Repository), Actor: project.Actor{Login: c.Actor}})
		}
	}
	return r.Good != nil && good.Commit == head.Commit, added
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
