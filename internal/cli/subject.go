package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// subject is the stage that a command is about, with its releases.
type subject struct {
	client client.WithWatch
	stage  *v1alpha1.Stage
	// releases are the stage's, newest first.
	releases []v1alpha1.Release
}

// subject finds a stage by the names of its project and its own.
func (c *cluster) subject(ctx context.Context, project, stage string) (*subject, error) {
	made, err := c.client()
	if err != nil {
		return nil, err
	}
	found, err := c.stage(ctx, made, project, stage)
	if err != nil {
		return nil, err
	}
	s := &subject{client: made, stage: found}
	return s, s.refresh(ctx)
}

// stage finds the Stage object. What other stages there are is only asked for
// when there is none of that name.
func (c *cluster) stage(ctx context.Context, reader client.Reader, project, name string) (*v1alpha1.Stage, error) {
	if namespace := c.scope(); namespace != "" {
		var stage v1alpha1.Stage
		err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: naming.StageObject(project, name)}, &stage)
		if err == nil || !apierrors.IsNotFound(err) {
			return &stage, explained(err, "read stage %s/%s", project, name)
		}
	}
	var all v1alpha1.StageList
	if err := list(ctx, reader, &all, c.namespace()); err != nil {
		return nil, err
	}
	var found []*v1alpha1.Stage
	for i := range all.Items {
		if all.Items[i].Spec.Project == project && all.Items[i].Spec.Name == name {
			found = append(found, &all.Items[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, noStage(all.Items, project, name)
	case 1:
		return found[0], nil
	}
	return nil, &usageError{fmt.Errorf("%d organizations have a stage %s of a project %s; say which with --organization", len(found), name, project)}
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

// refresh reads the stage's releases.
func (s *subject) refresh(ctx context.Context) error {
	var all v1alpha1.ReleaseList
	options := []client.ListOption{client.InNamespace(s.stage.Namespace)}
	if label := s.stage.Labels[naming.LabelStage]; label != "" {
		options = append(options, client.MatchingLabels{naming.LabelProject: s.stage.Labels[naming.LabelProject], naming.LabelStage: label})
	}
	if err := list(ctx, s.client, &all, options...); err != nil {
		return err
	}
	s.releases = slices.DeleteFunc(all.Items, func(r v1alpha1.Release) bool { return r.Spec.Stage != s.stage.Name })
	slices.SortFunc(s.releases, func(a, b v1alpha1.Release) int { return cmp.Compare(b.Spec.Sequence, a.Spec.Sequence) })
	return nil
}

// String names the stage for people.
func (s *subject) String() string { return s.stage.Spec.Project + "/" + s.stage.Spec.Name }

// args are what a further command about the stage is called with.
func (s *subject) args() string { return s.stage.Spec.Project + " " + s.stage.Spec.Name }

// release returns the stage's release of a number.
func (s *subject) release(sequence int64) (*v1alpha1.Release, error) {
	for i := range s.releases {
		if s.releases[i].Spec.Sequence == sequence {
			return &s.releases[i], nil
		}
	}
	if len(s.releases) == 0 {
		return nil, fault.New(fault.NotFound, "%s has no release yet; push to %s", s, s.stage.Spec.Ref)
	}
	oldest, newest := s.releases[len(s.releases)-1].Spec.Sequence, s.releases[0].Spec.Sequence
	return nil, fault.New(fault.NotFound, "%s has no release %d; it keeps %d to %d, which `slipway releases %s` lists", s, sequence, oldest, newest, s.args())
}

// good returns the newest release that succeeded, nil before the first.
func (s *subject) good() *v1alpha1.Release {
	for i := range s.releases {
		if s.releases[i].Status.Phase == v1alpha1.PhaseSucceeded {
			return &s.releases[i]
		}
	}
	return nil
}

// whoAmI returns the Kubernetes user that the command line acts as.
func whoAmI(ctx context.Context, c client.Client) (string, error) {
	var review authenticationv1.SelfSubjectReview
	if err := c.Create(ctx, &review); err != nil {
		return "", explained(err, "ask the control cluster who you are")
	}
	if review.Status.UserInfo.Username == "" {
		return "", fault.New(fault.Denied, "the control cluster does not know who you are; log in to it")
	}
	return review.Status.UserInfo.Username, nil
}

// explained turns an answer of the control cluster into a sentence.
func explained(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	deed := fmt.Sprintf(format, args...)
	switch {
	case apierrors.IsForbidden(err):
		return fault.Wrap(fault.Denied, err, "%s: the control cluster forbids it: %v; ask an owner of the organization for the right", deed, err)
	case apierrors.IsNotFound(err):
		return fault.Wrap(fault.NotFound, err, "%s: it does not exist: %v", deed, err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return fault.Wrap(fault.Invalid, err, "%s: the control cluster refuses it: %v", deed, err)
	case apierrors.IsConflict(err):
		return fault.Wrap(fault.Conflict, err, "%s: it was changed meanwhile; look at it and try again", deed)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: the control cluster did not do it: %v", deed, err)
}
