package gitlab

import (
	"strconv"

	"github.com/slipway-dev/slipway/internal/scm"
)

// mergeRequest is a merge request, as its own events and notes show it.
type mergeRequest struct {
	Number       int64    `json:"iid"`
	Action       string   `json:"action"`
	OldRevision  string   `json:"oldrev"` // only when commits came
	State        string   `json:"state"`
	SourceBranch string   `json:"source_branch"`
	TargetBranch string   `json:"target_branch"`
	Source       *project `json:"source"` // null when the fork was deleted
	LastCommit   struct {
		ID string `json:"id"`
	} `json:"last_commit"`
	Draft  bool    `json:"draft"`
	Labels []label `json:"labels"`
}

type label struct {
	Title string `json:"title"`
}

// changes are the fields that an update touched.
type changes struct {
	TargetBranch *struct{} `json:"target_branch"`
	Labels       *struct{} `json:"labels"`
	Draft        *struct{} `json:"draft"`
}

func parseMergeRequest(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		User         user         `json:"user"`
		Project      project      `json:"project"`
		MergeRequest mergeRequest `json:"object_attributes"`
		Labels       []label      `json:"labels"`
		Changes      changes      `json:"changes"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := fillShared(e, hook.Project, hook.User)
	if err != nil {
		return scm.Event{}, err
	}
	action := hook.MergeRequest.actionOf(hook.Changes)
	if action == "" {
		return scm.Ignored(e.Name, e.Delivery, "this change of a merge request affects no preview"), nil
	}
	if hook.Labels != nil {
		hook.MergeRequest.Labels = hook.Labels
	}
	request, err := hook.MergeRequest.neutral(e)
	if err != nil {
		return scm.Event{}, err
	}
	request.Action = action
	e.Kind, e.After, e.PullRequest = scm.KindPullRequest, request.Head.Commit, &request
	return e, nil
}

// actionOf translates GitLab's action; empty when no preview depends on it.
func (m mergeRequest) actionOf(changed changes) scm.Action {
	switch m.Action {
	case "open":
		return scm.ActionOpened
	case "reopen":
		return scm.ActionReopened
	case "close", "merge":
		return scm.ActionClosed
	case "approved", "unapproved", "approval", "unapproval":
		return scm.ActionReviewed
	case "update":
		return m.updateOf(changed)
	}
	return ""
}

func (m mergeRequest) updateOf(changed changes) scm.Action {
	switch {
	case m.OldRevision != "":
		return scm.ActionUpdated
	case changed.TargetBranch != nil:
		return scm.ActionRetargeted
	case changed.Labels != nil:
		return scm.ActionLabeled
	case changed.Draft != nil && m.Draft:
		return scm.ActionDrafted
	case changed.Draft != nil:
		return scm.ActionReady
	}
	return ""
}

// neutral returns the merge request in neutral words, but for the action.
func (m mergeRequest) neutral(e scm.Event) (scm.PullRequest, error) {
	if m.Number <= 0 || m.SourceBranch == "" || m.TargetBranch == "" {
		return scm.PullRequest{}, scm.Incomplete(e.Name, "the merge request's iid and branches")
	}
	var source *string
	if m.Source != nil {
		source = &m.Source.Path
	}
	head, err := scm.NewSide(source, m.SourceBranch, m.LastCommit.ID)
	if err != nil {
		return scm.PullRequest{}, err
	}
	base, err := scm.NewSide(&e.Repository, m.TargetBranch, "")
	if err != nil {
		return scm.PullRequest{}, err
	}
	var labels []string
	for _, l := range m.Labels {
		labels = append(labels, l.Title)
	}
	return scm.PullRequest{
		Number: m.Number, Head: head, Base: base, Fork: scm.Fork(head, e.Repository),
		Draft: m.Draft, Merged: m.State == "merged", Labels: scm.Labels(labels),
	}, nil
}

func parseNote(e scm.Event, body []byte) (scm.Event, error) {
	var hook struct {
		User    user    `json:"user"`
		Project project `json:"project"`
		Note    struct {
			ID      int64    `json:"id"`
			Text    string   `json:"note"`
			About   string   `json:"noteable_type"`
			Action  string   `json:"action"` // missing before GitLab 16
			System  bool     `json:"system"`
			Author  scm.ID   `json:"author_id"`
			Created scm.Time `json:"created_at"`
			Updated scm.Time `json:"updated_at"`
		} `json:"object_attributes"`
		MergeRequest mergeRequest `json:"merge_request"`
	}
	if err := scm.Decode(body, &hook); err != nil {
		return scm.Event{}, err
	}
	e, err := fillShared(e, hook.Project, hook.User)
	if err != nil {
		return scm.Event{}, err
	}
	note := hook.Note
	switch {
	case note.About != "MergeRequest":
		return scm.Ignored(e.Name, e.Delivery, "only comments on merge requests are read"), nil
	case note.Action == "update", note.Action == "" && note.Updated.After(note.Created.Time), note.System:
		return scm.Ignored(e.Name, e.Delivery, "only new comments are read; write a new one"), nil
	case note.Author != "" && string(note.Author) != e.ActorID:
		return scm.Ignored(e.Name, e.Delivery, "people give commands of their own; this comment is another person's"), nil
	}
	request, err := hook.MergeRequest.neutral(e)
	if err != nil {
		return scm.Event{}, err
	}
	e.After = request.Head.Commit
	return scm.Commented(e, request, scm.PostedComment{ID: strconv.FormatInt(note.ID, 10), Body: note.Text, Written: note.Created.Time})
}
