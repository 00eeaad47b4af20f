package operate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
)

// Stages finds stages on the control cluster. What is asked of them is asked
// with the rights of the client.
type Stages struct {
	Client client.WithWatch
}

// Stage is a stage with its releases, as they were when it was read.
type Stage struct {
	// Object is the stage itself. Callers must not change it.
	Object *v1alpha1.Stage
	// Releases are the stage's, newest first, refused ones included.
	Releases []v1alpha1.Release

	client client.WithWatch
}

// Find returns a stage by its name and its project's. An empty namespace means
// all organizations that the client may see; when several have such a stage,
// the error's cause is ErrAmbiguous.
func (s Stages) Find(ctx context.Context, namespace, project, name string) (*Stage, error) {
	object, err := s.find(ctx, namespace, project, name)
	if err != nil {
		return nil, err
	}
	stage := &Stage{Object: object, client: s.Client}
	return stage, stage.refresh(ctx)
}

// find reads the Stage object. What other stages there are is only asked for
// when there is none of that name.
func (s Stages) find(ctx context.Context, namespace, project, name string) (*v1alpha1.Stage, error) {
	if namespace != "" {
		var stage v1alpha1.Stage
		err := s.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: naming.StageObject(project, name)}, &stage)
		if err == nil || !apierrors.IsNotFound(err) {
			return &stage, Explain(err, "read stage %s/%s", project, name)
		}
	}
	all, err := s.List(ctx, namespace)
	if err != nil {
		return nil, err
	}
	var found []*v1alpha1.Stage
	for i := range all {
		if all[i].Spec.Project == project && all[i].Spec.Name == name {
			found = append(found, &all[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, noStage(all, project, name)
	case 1:
		return found[0], nil
	}
	return nil, fault.Wrap(fault.Conflict, ErrAmbiguous, "%d organizations have a stage %s of a project %s", len(found), name, project)
}

// List returns the stages of an organization's namespace, or of all
// organizations that the client may see, sorted by project and name.
func (s Stages) List(ctx context.Context, namespace string) ([]v1alpha1.Stage, error) {
	var all v1alpha1.StageList
	if err := List(ctx, s.Client, &all, namespace); err != nil {
		return nil, err
	}
	slices.SortFunc(all.Items, func(a, b v1alpha1.Stage) int {
		return cmp.Or(cmp.Compare(a.Spec.Project, b.Spec.Project), cmp.Compare(a.Spec.Name, b.Spec.Name))
	})
	return all.Items, nil
}

// noStage says which stages there are instead.
func noStage(stages []v1alpha1.Stage, project, name string) error {
	var ofProject, projects []string
	for _, s := range stages {
		projects = append(projects, s.Spec.Project)
		if s.Spec.Project == project {
			ofProject = append(ofProject, s.Spec.Name)
		}
	}
	if len(ofProject) > 0 {
		return fault.New(fault.NotFound, "project %s has no stage %.60q; it has %s", project, name, someOf(ofProject))
	}
	if len(projects) > 0 {
		return fault.New(fault.NotFound, "there is no stage of a project %.60q; the projects with stages are %s", project, someOf(projects))
	}
	return fault.New(fault.NotFound, "there is no stage of a project %.60q, nor of any other that you may see; is the organization right?", project)
}

// someOf lists names once each, the first dozen of them.
func someOf(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	if more := len(names) - 12; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:12], ", "), more)
	}
	return strings.Join(names, ", ")
}

// refresh reads the stage's releases anew.
func (s *Stage) refresh(ctx context.Context) error {
	var all v1alpha1.ReleaseList
	var options []client.ListOption
	if label := s.Object.Labels[naming.LabelStage]; label != "" {
		options = append(options, client.MatchingLabels{naming.LabelProject: s.Object.Labels[naming.LabelProject], naming.LabelStage: label})
	}
	if err := List(ctx, s.client, &all, s.Object.Namespace, options...); err != nil {
		return err
	}
	s.Releases = slices.DeleteFunc(all.Items, func(r v1alpha1.Release) bool { return r.Spec.Stage != s.Object.Name })
	slices.SortFunc(s.Releases, func(a, b v1alpha1.Release) int { return cmp.Compare(b.Spec.Sequence, a.Spec.Sequence) })
	return nil
}

// String names the stage for people: PROJECT/STAGE.
func (s *Stage) String() string { return s.Object.Spec.Project + "/" + s.Object.Spec.Name }

// Arguments are what a further command about the stage is called with: PROJECT
// STAGE.
func (s *Stage) Arguments() string { return s.Object.Spec.Project + " " + s.Object.Spec.Name }

// history returns the releases that count in the stage's life.
func (s *Stage) history() release.History { return release.HistoryOf(s.Object, s.Releases) }

// Good returns the newest release that succeeded, nil before the first.
func (s *Stage) Good() *v1alpha1.Release { return s.history().Good() }

// Live returns the release that runs, which is the newest that succeeded.
func (s *Stage) Live() (*v1alpha1.Release, error) {
	if good := s.Good(); good != nil {
		return good, nil
	}
	return nil, s.nothingLive()
}

func (s *Stage) nothingLive() error {
	return fault.New(fault.Conflict, "nothing has gone live in %s yet; see `slipway releases %s`", s, s.Arguments())
}

// Release returns the stage's release of a number.
func (s *Stage) Release(sequence int64) (*v1alpha1.Release, error) {
	for i := range s.Releases {
		if s.Releases[i].Spec.Sequence == sequence {
			return &s.Releases[i], nil
		}
	}
	if len(s.Releases) == 0 {
		return nil, s.noRelease()
	}
	oldest, newest := s.Releases[len(s.Releases)-1].Spec.Sequence, s.Releases[0].Spec.Sequence
	return nil, fault.New(fault.NotFound, "%s has no release %d; it keeps %d to %d, which `slipway releases %s` lists", s, sequence, oldest, newest, s.Arguments())
}

// Newest returns the newest release that was not refused.
func (s *Stage) Newest() (*v1alpha1.Release, error) {
	for i := range s.Releases {
		if !release.IsRefused(&s.Releases[i]) {
			return &s.Releases[i], nil
		}
	}
	return nil, s.noRelease()
}

func (s *Stage) noRelease() error {
	return fault.New(fault.NotFound, "%s has no release yet; push to %s", s, s.Object.Spec.Ref)
}

// Services returns the names of the stage's services, as far as they are
// known.
func (s *Stage) Services() []string {
	var names []string
	for _, service := range s.Object.Status.Services {
		names = append(names, service.Name)
	}
	if good := s.Good(); good != nil {
		for _, service := range good.Status.Services {
			names = append(names, service.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkServices refuses names that no service of the stage has.
func (s *Stage) checkServices(names ...string) error {
	known := s.Services()
	for _, name := range names {
		if len(known) > 0 && !slices.Contains(known, name) {
			return fault.New(fault.NotFound, "%s has no service %.60q; it has %s", s, name, someOf(known))
		}
	}
	return nil
}

// Sibling returns another stage of the stage's project.
func (s *Stage) Sibling(ctx context.Context, name string) (*Stage, error) {
	return Stages{Client: s.client}.Find(ctx, s.Object.Namespace, s.Object.Spec.Project, name)
}
