package simulate

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
	"github.com/slipway-dev/slipway/internal/scm"
)

// offlinePlatform stands for the cluster's: it is the same before and after.
const offlinePlatform = "linux/amd64"

// forecaster plans what an event leads to, from a local repository in place of
// mirrors, registry and forge.
type forecaster struct {
	*simulateCommand
	renderer   runner.Renderer
	repository offline.Repository
	trustedRef string
	fileCommit string
}

// open finds the repository and its trusted branch.
func (f *forecaster) open() error {
	checkout, err := git.OpenCheckout(f.directory)
	if err != nil {
		return err
	}
	f.repository = offline.Repository{Streams: f.streams, Dir: f.directory}
	f.trustedRef = scm.Branch(cmp.Or(f.trusted, checkout.DefaultBranch, checkout.Branch, "main"))
	return nil
}

// stages plans one event.
func (f *forecaster) stages(ctx context.Context, e scm.Event) ([]simulatedStage, error) {
	if e.Ref == "" {
		return nil, nil // a sync, which finds no other heads
	}
	commit, err := f.head(e)
	if err != nil {
		return nil, err
	}
	document, err := f.file(e, commit)
	if err != nil {
		return nil, err
	}
	p := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: document.File.Project, Namespace: naming.OrganizationNamespace(f.organization)}}
	head := func(string, string) v1alpha1.Head {
		return v1alpha1.Head{Commit: commit, FileCommit: f.fileCommit, Actor: e.Actor}
	}
	var all []simulatedStage
	for _, stage := range release.Wanted(p, document.File, map[string]string{e.Ref: commit}, head) {
		one, err := f.stage(ctx, p, e, stage)
		if err != nil {
			return nil, fmt.Errorf("stage %s: %w", stage.Spec.Name, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// head returns the commit that the event moved its ref to. Events about a tag that was
// made don't name it: it is where the tag is here.
func (f *forecaster) head(e scm.Event) (string, error) {
	if e.Deleted {
		commit, err := f.resolve(e.After, f.commit, "commit")
		if err != nil {
			return "", nil //nolint:nilerr // what is gone need not be here
		}
		return commit, nil
	}
	if e.After != "" || f.commit != "" {
		return f.resolve(e.After, f.commit, "commit")
	}
	_, commit, err := git.OpenTree(f.directory, e.Ref)
	if fault.CodeOf(err) == fault.NotFound {
		return "", fault.Wrap(fault.NotFound, err, "the event names no commit, and %s has no %s; fetch it, or say what stands for it with --commit", f.directory, e.Ref)
	}
	return commit, err
}

// resolve returns the commit that the event names, or the one that stands for
// it, when the repository has it.
func (f *forecaster) resolve(named, standing, flag string) (string, error) {
	revision := cmp.Or(standing, named)
	if revision == "" {
		return "", nil
	}
	_, commit, err := git.OpenTree(f.directory, revision)
	if fault.CodeOf(err) == fault.NotFound && standing == "" {
		return "", fault.Wrap(fault.NotFound, err, "%s has no commit %s; fetch it, or say what stands for it with --%s", f.directory, operate.ShortCommit(named), flag)
	}
	return commit, err
}

// file reads the project file from the trusted branch, which the event itself
// may have moved.
func (f *forecaster) file(e scm.Event, commit string) (*projectfile.Document, error) {
	var err error
	if f.fileCommit = commit; e.Ref != f.trustedRef || e.Deleted {
		if f.fileCommit, err = f.trustedCommit(); err != nil {
			return nil, err
		}
	}
	opened, err := f.repository.OpenAt(f.fileCommit)
	return opened.Document, err
}

// trustedCommit returns the commit of the trusted branch, as fetched or as it
// is here.
func (f *forecaster) trustedCommit() (string, error) {
	branch := f.trustedRef[len(scm.BranchPrefix):]
	for _, revision := range []string{"refs/remotes/origin/" + branch, f.trustedRef} {
		_, commit, err := git.OpenTree(f.directory, revision)
		if fault.CodeOf(err) != fault.NotFound {
			return commit, err
		}
	}
	return "", fault.New(fault.NotFound, "%s has no branch %s to take %s from; name another with --trusted", f.directory, branch, project.FileName)
}

// stage plans what becomes of one stage.
func (f *forecaster) stage(ctx context.Context, p *v1alpha1.Project, e scm.Event, stage v1alpha1.Stage) (simulatedStage, error) {
	one := simulatedStage{
		Stage: stage.Spec.Name, Rule: stage.Spec.Rule, Ref: stage.Spec.Ref, Namespace: stage.Spec.Namespace,
		Commit: stage.Spec.Wanted.Commit, Outcome: outcomeReleases,
	}
	if e.Deleted {
		one.Outcome = map[bool]string{true: outcomeDeleted, false: outcomeKept}[stage.Spec.OnDelete == "delete"]
		one.Commit = ""
		return one, nil
	}
	message, err := git.Message(f.directory, one.Commit)
	if err != nil {
		return one, err
	}
	stage.Spec.Wanted.Skip = plan.Skipped(message)
	step, err := release.Next(&stage, nil, nil)
	if err != nil {
		return one, err
	}
	if step.Trigger == "" {
		one.Outcome, one.Why = outcomeWaits, step.Message
		return one, nil
	}
	decision, err := f.decide(ctx, p, e, &stage)
	if err != nil {
		return one, err
	}
	one.Services = changesOf(decision)
	if decision.Hold != "" {
		one.Outcome, one.Why = outcomeHeld, decision.Hold
	}
	return one, nil
}

// decide plans the release of a stage's head, as if the commit before the push
// had been released.
func (f *forecaster) decide(ctx context.Context, p *v1alpha1.Project, e scm.Event, stage *v1alpha1.Stage) (plan.Decision, error) {
	images := &offlineImages{known: map[string]string{}}
	runner := &runner.Runner{Sources: offlineSources{f}, Renderer: f.renderer, Facts: offlineFacts{f.simulateCommand}, Now: f.now, Log: slog.New(slog.DiscardHandler)}
	order := release.Inputs{Organization: f.organization, Project: p, Cluster: &v1alpha1.Cluster{}, Stage: stage, Builds: release.ImageBuilds{Registry: images, Request: build.Request{Platform: offlinePlatform}, Assemble: notAssembled}}
	last := map[string]plan.LastImage{}
	before, err := f.resolve(e.Before, f.before, "before")
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		return plan.Decision{}, err
	}
	if before != "" {
		order.Release = releaseOf(stage, before)
		known, err := runner.Forecast(ctx, order, last)
		if err != nil {
			known = plan.Decision{} // what was there before can't be built: nothing of it is known
		}
		for _, s := range known.Services {
			images.known[s.Hash] = "built"
			last[s.Name] = plan.LastImage{Hash: s.Hash, Inputs: s.Inputs, Release: "of commit " + operate.ShortCommit(before)}
		}
	}
	order.Release = releaseOf(stage, stage.Spec.Wanted.Commit)
	return runner.Forecast(ctx, order, last)
}

func releaseOf(stage *v1alpha1.Stage, commit string) *v1alpha1.Release {
	head := stage.Spec.Wanted
	head.Commit = commit
	return &v1alpha1.Release{Spec: v1alpha1.ReleaseSpec{Project: stage.Spec.Project, Stage: stage.Name, Head: head, Trigger: v1alpha1.TriggerPush}}
}
