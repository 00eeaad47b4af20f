//go:build integration

package convergence

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// History is what happens to one repository, and what becomes of the
// deliveries that tell of it. It says nothing of commits: they are what the
// forge makes of the steps.
type History struct {
	Steps []Step `json:"steps"`
}

// Step is one event at the forge.
type Step struct {
	// Do is push, readme, overlay, force, unrelated, rewind, delete, tag, untag,
	// open, edit, close or nothing. A readme changes no stage, an overlay only the
	// stage twin. What isn't possible, such as the deletion of a branch
	// that doesn't exist, isn't done.
	Do string `json:"do"`
	// Ref is a branch's or tag's short name.
	Ref string `json:"ref,omitempty"`
	// Back chooses an older commit.
	Back int `json:"back,omitempty"`
	// Copies says how often each delivery of the step is sent: 0 is lost.
	Copies int `json:"copies"`
	// Late says how many steps later they are sent.
	Late int `json:"late,omitempty"`
	// Pause is waited after the step, in milliseconds.
	Pause int `json:"pause,omitempty"`
}

// branches returns the branches that histories move, except main.
func branches() []string { return []string{"develop", "feature/a", "feature/b", "feature/a-b"} }

// tags returns the tags that histories make, oldest first.
func tags() []string { return []string{"v1.0.0", "v1.10.0", "v1.9.0", "other"} }

// genHistory makes histories of up to n steps.
func genHistory(n int) *rapid.Generator[History] {
	return rapid.Custom(func(t *rapid.T) History {
		return History{Steps: rapid.SliceOfN(genStep(), 3, n).Draw(t, "steps")}
	})
}

// genStep makes steps: mostly pushes, and three deliveries of ten are lost.
func genStep() *rapid.Generator[Step] {
	deeds := []string{"push", "push", "push", "readme", "readme", "overlay", "force", "unrelated", "rewind", "delete", "delete", "tag", "untag", "open", "edit", "close", "nothing"}
	fates := []int{0, 0, 0, 1, 1, 1, 1, 1, 2, 3}
	return rapid.Custom(func(t *rapid.T) Step {
		s := Step{
			Do:     rapid.SampledFrom(deeds).Draw(t, "do"),
			Copies: rapid.SampledFrom(fates).Draw(t, "copies"),
			Late:   rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5}).Draw(t, "late"),
			Pause:  rapid.SampledFrom([]int{0, 0, 5, 30, 150, 600}).Draw(t, "pause"),
		}
		switch s.Do {
		case "tag", "untag":
			s.Ref = rapid.SampledFrom(tags()).Draw(t, "ref")
		case "delete":
			s.Ref = rapid.SampledFrom(branches()).Draw(t, "ref")
		default:
			s.Ref = rapid.SampledFrom(append(branches(), "main", "feature/a")).Draw(t, "ref")
		}
		s.Back = rapid.IntRange(0, 3).Draw(t, "back")
		return s
	})
}

// pause is the time that a step lasts.
func (s Step) pause() time.Duration { return time.Duration(s.Pause) * time.Millisecond }

// Model is what the refs of a repository are, and what they ever were.
type Model struct {
	refs map[string]string   // full name → commit, now
	ever map[string][]string // full name → commits, oldest first
	said map[string]string   // commit → greeting of its settings
	tier map[string]string   // commit → label that the stage twin adds
}

func newModel() *Model {
	return &Model{refs: map[string]string{}, ever: map[string][]string{}, said: map[string]string{}, tier: map[string]string{}}
}

// set notes that a ref is at a commit; no commit means that it is gone.
func (m *Model) set(ref, commit string) {
	if commit == "" {
		delete(m.refs, ref)
		return
	}
	m.refs[ref] = commit
	m.ever[ref] = append(m.ever[ref], commit)
}

// content is what a stage runs at a commit. Commits of equal content are one to
// the stage: it is released at any of them.
func (m *Model) content(stage, commit string) [2]string {
	if stage != "twin" {
		return [2]string{m.said[commit]}
	}
	return [2]string{m.said[commit], m.tier[commit]}
}

// older returns the commit that a ref had some moves ago.
func (m *Model) older(ref string, back int) string {
	had := m.ever[ref]
	if len(had) == 0 {
		return ""
	}
	return had[max(0, len(had)-1-back)]
}

// want is what must be true of one stage in the end.
type want struct {
	stage string
	// commits are those that the stage may be at: one, unless its ref is gone
	// and the stage stays with the last that was seen.
	commits []string
	// may is true when there need be no stage, gone when there must be none.
	may, gone bool
}

// wants returns what the rules make of the refs. See rules.
func (m *Model) wants(perBranch func(ref string) string) []want {
	all := []want{m.exact("main", "refs/heads/main"), m.exact("twin", "refs/heads/main"), m.exact("dev", "refs/heads/develop"), m.released()}
	for _, branch := range branches()[1:] {
		ref := "refs/heads/" + branch
		w := want{stage: perBranch(ref), gone: true}
		if commit, exists := m.refs[ref]; exists {
			w = want{stage: w.stage, commits: []string{commit}}
		}
		all = append(all, w)
	}
	return all
}

// exact is the stage of one branch, which stays when the branch goes.
func (m *Model) exact(stage, ref string) want {
	if commit, exists := m.refs[ref]; exists {
		return want{stage: stage, commits: []string{commit}}
	}
	return want{stage: stage, commits: m.ever[ref], may: true}
}

// released is the stage of the newest version that is tagged.
func (m *Model) released() want {
	w := want{stage: "released", may: true}
	for _, tag := range []string{"v1.10.0", "v1.9.0", "v1.0.0"} {
		ref := "refs/tags/" + tag
		if commit, exists := m.refs[ref]; exists {
			return want{stage: "released", commits: []string{commit}}
		}
		w.commits = append(w.commits, m.ever[ref]...)
	}
	return w
}

func (w want) String() string {
	short := make([]string, len(w.commits))
	for i, commit := range w.commits {
		short[i] = commit[:8]
	}
	return fmt.Sprintf("stage %s at %v (gone %v, may be missing %v)", w.stage, short, w.gone, w.may)
}

// allows reports whether the stage may be at a commit: at one of those that are
// wanted, or at an earlier one that it can't tell from them.
func (w want) allows(m *Model, commit string) bool {
	return slices.ContainsFunc(w.commits, func(wanted string) bool {
		return wanted == commit || m.content(w.stage, wanted) == m.content(w.stage, commit)
	})
}
