package release

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
)

// StageFinalizer keeps a Stage until what it owns is gone.
const StageFinalizer = "slipway.dev/stage"

// Wanted returns the stages that the project file defines for refs, sorted by the
// name of the Stage object. Refs are commits by full ref. Head returns the wanted
// head of a ref at a commit.
func Wanted(p *v1alpha1.Project, file *project.File, refs map[string]string, head func(ref, commit string) v1alpha1.Head) []v1alpha1.Stage {
	organization, _ := naming.OrganizationOf(p.Namespace)
	byName := map[string]v1alpha1.Stage{}
	for ref, commit := range refs {
		for _, match := range project.StageFor(file, ref) {
			stage := wantedStage(p, organization, match, ref)
			stage.Spec.Wanted = head(ref, commit)
			if other, taken := byName[stage.Name]; !taken || newerTag(ref, other.Spec.Ref) {
				byName[stage.Name] = stage
			}
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b v1alpha1.Stage) int { return cmp.Compare(a.Name, b.Name) })
}

// wantedStage returns the stage that a rule makes of a ref.
func wantedStage(p *v1alpha1.Project, organization string, match project.Match, ref string) v1alpha1.Stage {
	name := match.Rule.Name
	if match.PerRef {
		name = naming.StageForRef(match.Rule.Name, ref)
	}
	var ttl *metav1.Duration
	if match.Rule.Pattern() {
		ttl = durationOf(match.Rule.TTL)
	}
	var sleep *v1alpha1.Sleep
	if match.Rule.Sleep != "" {
		sleep = &v1alpha1.Sleep{Hours: match.Rule.Sleep}
	}
	return newStage(p, organization, v1alpha1.StageSpec{
		Name:        name,
		Rule:        match.Rule.Name,
		Ref:         ref,
		OnDelete:    onDelete(match),
		TTL:         ttl,
		PromoteFrom: match.Rule.PromoteFrom,
		Sleep:       sleep,
		Resources:   v1alpha1.StageResources(match.Rule.Resources),
	})
}

// newStage returns the Stage object of a project with a spec, whose project and
// namespace it fills in.
func newStage(p *v1alpha1.Project, organization string, spec v1alpha1.StageSpec) v1alpha1.Stage {
	spec.Project, spec.Namespace = p.Name, naming.Namespace(organization, p.Name, spec.Name)
	return v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{
			Name:       naming.StageObject(p.Name, spec.Name),
			Namespace:  p.Namespace,
			Labels:     stageLabels(organization, spec),
			Finalizers: []string{StageFinalizer},
		},
		Spec: spec,
	}
}

// WantedPreview returns the preview of a pull request, whose head is a commit of the
// project's own branch ref since pushed.
func WantedPreview(p *v1alpha1.Project, file *project.File, number int64, ref string, head v1alpha1.Head, pushed time.Time) v1alpha1.Stage {
	organization, _ := naming.OrganizationOf(p.Namespace)
	rule, _ := file.Rule(file.Previews.From, true)
	var sleep *v1alpha1.Sleep
	if after := durationOf(file.Previews.SleepAfter); after != nil {
		sleep = &v1alpha1.Sleep{After: after}
	}
	return newStage(p, organization, v1alpha1.StageSpec{
		Name:        naming.StageForPullRequest("", number),
		Rule:        rule.Name,
		Ref:         ref,
		Wanted:      head,
		OnDelete:    "delete",
		TTL:         durationOf(file.Previews.TTL),
		Pushed:      &metav1.Time{Time: pushed},
		Sleep:       sleep,
		Access:      cmp.Or(file.Previews.Access, v1alpha1.AccessLink),
		Resources:   v1alpha1.StageResources(rule.Resources),
		PullRequest: number,
	})
}

// onDelete returns what happens to a stage whose ref is deleted. The rule decides;
// by default a stage of a pattern is deleted with its branch, and others stay.
func onDelete(match project.Match) string {
	if match.Rule.OnDelete == "" && match.PerRef {
		return "delete"
	}
	return cmp.Or(match.Rule.OnDelete, "keep")
}

// newerTag reports whether a tag names a later version than another. Tags are
// compared as versions where both are versions, else by name.
func newerTag(ref, other string) bool {
	a, b := strings.TrimPrefix(ref, "refs/tags/"), strings.TrimPrefix(other, "refs/tags/")
	versionA, errA := version.ParseSemantic(a)
	versionB, errB := version.ParseSemantic(b)
	if errA == nil && errB == nil && !versionA.EqualTo(versionB) {
		return versionA.GreaterThan(versionB)
	}
	if (errA == nil) != (errB == nil) {
		return errA == nil
	}
	return a > b
}

func stageLabels(organization string, spec v1alpha1.StageSpec) map[string]string {
	return map[string]string{
		naming.LabelOrganization: organization,
		naming.LabelProject:      spec.Project,
		naming.LabelStage:        naming.LabelValue(spec.Name),
		naming.LabelManagedBy:    naming.ManagedBy,
	}
}

// durationOf reads a duration of the project file; nil means forever.
func durationOf(text string) *metav1.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil // empty: the project file's check refuses others
	}
	return &metav1.Duration{Duration: d}
}
