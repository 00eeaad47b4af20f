package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Preview is how it stands with the preview of an open pull request.
type Preview struct {
	// PullRequest is the number of the pull request.
	PullRequest int64 `json:"pullRequest"`
	// State is Live when there is a preview, Queued while the limit keeps it waiting,
	// Expired when its time ran out, Unchanged when there is nothing to show, Failed
	// when the commit's slipway.yaml can't be used, and Held while the commit of a fork
	// waits until somebody approves it.
	// +kubebuilder:validation:Enum=Live;Queued;Expired;Unchanged;Failed;Held
	State string `json:"state"`
	// Commit is the head of the pull request.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	Commit string `json:"commit"`
	// Message is why there is none, and what to do.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// Approved is the commit of a fork that somebody approved last. It runs, whatever
	// was pushed since.
	// +optional
	Approved *ApprovedCommit `json:"approved,omitempty"`
	// AskedBy is who asked for the preview of a pull request that gets none by itself.
	// +optional
	AskedBy string `json:"askedBy,omitempty"`
	// Ends is when the preview ends without another push or visit.
	// +optional
	Ends *metav1.Time `json:"ends,omitempty"`
}

// ApprovedCommit is a commit of a fork that may run.
type ApprovedCommit struct {
	// Commit is the commit.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	Commit string `json:"commit"`
	// By is who approved it.
	By string `json:"by"`
	// At is when it was approved.
	At metav1.Time `json:"at"`
}

// The states of a Preview.
const (
	PreviewHeld      = "Held"
	PreviewLive      = "Live"
	PreviewQueued    = "Queued"
	PreviewExpired   = "Expired"
	PreviewUnchanged = "Unchanged"
	PreviewFailed    = "Failed"
)
