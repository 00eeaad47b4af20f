package project

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
)

// hints is what a sync knows besides heads and rules: the head of the project
// file in force, and who, according to the deliveries that wait, moved which ref.
type hints struct {
	force      v1alpha1.Head
	deliveries []v1alpha1.Delivery
}

// head returns the wanted head of a ref at a commit.
func (h hints) head(repository, ref, commit string) v1alpha1.Head {
	head := h.force
	head.Commit = commit
	for _, d := range h.deliveries {
		if d.Spec.Repository == repository && d.Spec.Ref == ref && d.Spec.After == commit {
			head.Actor, head.Delivery = d.Spec.Actor, d.Name
		}
	}
	return head
}

// wantedStages returns what the project file makes of the heads, protected stages
// first.
func wantedStages(p *v1alpha1.Project, file *project.File, heads git.Heads, h hints) []v1alpha1.Stage {
	wanted := release.Wanted(p, file, heads.Refs, func(ref, commit string) v1alpha1.Head { return h.head(p.Primary().Name, ref, commit) })
	others := func(s v1alpha1.Stage) int {
		if rule, _ := file.Stage(s.Spec.Rule); rule.Protected {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(wanted, func(a, b v1alpha1.Stage) int { return others(a) - others(b) })
	return wanted
}

// secondaryActors returns the commits of secondary repositories with who pushed
// them: by the deliveries that wait, or as the project's status has it.
func secondaryActors(p *v1alpha1.Project, commits []v1alpha1.RepositoryCommit, waiting []v1alpha1.Delivery) []v1alpha1.RepositoryCommit {
	commits = slices.Clone(commits)
	if p.Status.File != nil {
		commits = withActors(commits, p.Status.File.Secondary)
	}
	for i := range commits {
		if commits[i].Actor == "" {
			commits[i].Actor = secondaryActor(commits[i], waiting)
		}
	}
	return commits
}

// secondaryActor returns who moved a ref of a repository to a commit, empty when
// nobody knows, or when several say so.
func secondaryActor(c v1alpha1.RepositoryCommit, waiting []v1alpha1.Delivery) string {
	actor := ""
	for _, d := range waiting {
		if d.Spec.Repository != c.Repository || d.Spec.After != c.Commit || !isFirst(&d) {
			continue
		}
		if actor != "" && actor != d.Spec.Actor || d.Spec.Actor == "" {
			return ""
		}
		actor = d.Spec.Actor
	}
	return actor
}

// withActors returns commits with the actors that others have for the same ones.
func withActors(commits, others []v1alpha1.RepositoryCommit) []v1alpha1.RepositoryCommit {
	known := map[v1alpha1.RepositoryCommit]string{}
	for _, c := range others {
		actor := c.Actor
		c.Actor = ""
		known[c] = actor
	}
	commits = slices.Clone(commits)
	for i, c := range commits {
		if c.Actor == "" {
			commits[i].Actor = known[c]
		}
	}
	return commits
}
