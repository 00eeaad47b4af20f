package scm

import (
	"strconv"
	"time"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	KindPush         Kind = "push"         // a branch was made or moved
	KindTag          Kind = "tag"          // a tag was made or moved
	KindDelete       Kind = "delete"       // a branch or a tag was deleted; see Ref
	KindPullRequest  Kind = "pull_request" // see PullRequest
	KindComment      Kind = "comment"      // somebody wrote under a pull request
	KindCheck        Kind = "check"        // somebody else's check of a commit finished
	KindPing         Kind = "ping"         // the forge tries the hook out
	KindInstallation Kind = "installation" // an app gained or lost repositories
	KindIgnored      Kind = "ignored"      // nothing of interest; Reason says why
)

// Event is one webhook delivery in neutral words. Every string is bounded and
// free of control characters, except Comment.Body, which keeps its line ends.
type Event struct {
	Kind Kind `json:"kind"`
	// Reason says, as a sentence fit for the sender, why the event is ignored.
	Reason string `json:"reason,omitempty"`
	// Delivery is the forge's own id of the delivery. Forges don't sign it.
	Delivery string `json:"delivery"`
	// Name is what the forge calls the event.
	Name string `json:"name"`
	// Repository is the path at the forge: owner/name, with groups before it
	// where the forge has them. Empty only for pings, installations and
	// ignored events.
	Repository string `json:"repository,omitempty"`
	// Ref is the full ref of a push, tag or deletion.
	Ref string `json:"ref,omitempty"`
	// Before and After are full commit ids, empty where there is none or the
	// forge doesn't report one. After is also the head of a pull request and the
	// commit that a check is about.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Created and Deleted are derived from the ids, Forced is the forge's word.
	Created bool `json:"created,omitempty"`
	Deleted bool `json:"deleted,omitempty"`
	Forced  bool `json:"forced,omitempty"`
	// Actor is the login of the user who caused the event; empty: nobody.
	Actor string `json:"actor,omitempty"`
	// ActorID is the forge's id of that user's account, which stays when the login
	// changes hands; empty when the forge doesn't say.
	ActorID     string         `json:"actorID,omitempty"`
	PullRequest *PullRequest   `json:"pullRequest,omitempty"`
	Comment     *PostedComment `json:"comment,omitempty"`
	Check       *Check         `json:"check,omitempty"`
	// Action says what happened to an installation.
	Action string `json:"action,omitempty"`
	// Repositories are those an installation gained or lost.
	Repositories []string `json:"repositories,omitempty"`
	// Also holds the other moves of a delivery that reports several refs,
	// at most MaxMoves. Only Bitbucket's do.
	Also []Event `json:"also,omitempty"`
}

// MaxMoves bounds how many moved refs are read from one delivery; the heads are
// read from git anyway.
const MaxMoves = 50

// Each returns the events that a delivery reports, in order, each with an id
// of its own.
func (e Event) Each() []Event {
	events := []Event{e}
	for i, also := range e.Also {
		also.Delivery = e.Delivery + "." + strconv.Itoa(i+2)
		events = append(events, also)
	}
	events[0].Also = nil
	return events
}

// Uninteresting returns, as a sentence fit for the sender, why an event changes
// nothing; empty when it may.
func (e Event) Uninteresting() string {
	switch {
	case e.Kind == KindIgnored:
		return e.Reason
	case e.Kind == KindPing:
		return "the hook works"
	case e.Kind == KindInstallation:
		return "the app was installed or changed at the forge; no stage depends on it"
	case e.Kind == KindComment:
		if _, addressed := e.Comment.Command(); !addressed {
			return "the comment has no command; a command is a line that starts with " + CommandPrefix
		}
	}
	return ""
}

// Action is what happened to a pull request.
type Action string

// The actions on a pull request that may matter to a preview.
const (
	ActionOpened     Action = "opened"
	ActionUpdated    Action = "updated" // its head moved
	ActionReopened   Action = "reopened"
	ActionClosed     Action = "closed"     // merged or not, see Merged
	ActionRetargeted Action = "retargeted" // its base is another branch now
	ActionLabeled    Action = "labeled"    // labels came or went
	ActionDrafted    Action = "drafted"
	ActionReady      Action = "ready"
	ActionReviewed   Action = "reviewed"  // approved, or approval taken back
	ActionCommented  Action = "commented" // only in events of KindComment
)

// PullRequest is a pull request (GitLab: merge request) as the event shows it.
type PullRequest struct {
	Number int64    `json:"number"`
	Action Action   `json:"action"`
	Head   Side     `json:"head,omitzero"` // empty in comments where the forge
	Base   Side     `json:"base,omitzero"` // doesn't report it
	Author string   `json:"author,omitempty"`
	Fork   bool     `json:"fork,omitempty"` // also when the head's repository is gone
	Draft  bool     `json:"draft,omitempty"`
	Merged bool     `json:"merged,omitempty"`
	Labels []string `json:"labels,omitempty"`
}

// Side is one side of a pull request.
type Side struct {
	// Repository is nil when it was deleted.
	Repository *string `json:"repository"`
	// Ref is a full ref.
	Ref    string `json:"ref,omitempty"`
	Commit string `json:"commit,omitempty"`
}

// PostedComment is a new comment under a pull request.
type PostedComment struct {
	ID   string `json:"id"`
	Body string `json:"body"` // at most MaxComment bytes
	// Written is when, by the forge's clock; zero when the forge doesn't say.
	Written time.Time `json:"written,omitzero"`
}

// State is how a check or a report stands.
type State string

// The states of a check or a report.
const (
	StatePending State = "pending"
	StateSuccess State = "success"
	StateFailure State = "failure" // it was tried and is wrong
	StateError   State = "error"   // it couldn't be tried
)

// Check is somebody else's check of a commit, which is in Event.After.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
}

// Ignored returns an event of no interest, with the reason.
func Ignored(name, delivery, reason string) Event {
	return Event{Kind: KindIgnored, Name: name, Delivery: delivery, Reason: reason}
}
