package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Delivery is one webhook delivery, verified, normalised and made durable.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=deliveries,shortName=swdelivery
// +kubebuilder:printcolumn:name="Project",type=string,JSONPath=`.spec.project`
// +kubebuilder:printcolumn:name="Event",type=string,JSONPath=`.spec.event`
// +kubebuilder:printcolumn:name="Ref",type=string,JSONPath=`.spec.ref`
// +kubebuilder:printcolumn:name="Actor",type=string,JSONPath=`.spec.actor`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Delivery struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a delivery's spec is immutable; mark the delivery for a replay"
	Spec DeliverySpec `json:"spec"`
	// +optional
	Status DeliveryStatus `json:"status,omitempty"`
}

// DeliverySpec is what the forge reported: a hint that something changed, and who
// did it.
//
// +structType=atomic
type DeliverySpec struct {
	// Project names the Project.
	Project string `json:"project"`
	// Repository is the name of the project's repository.
	Repository string `json:"repository"`
	// Forge is the kind of the forge.
	Forge string `json:"forge"`
	// ID is the forge's own id of the delivery.
	ID string `json:"id"`
	// Event is what happened, in the words of Slipway: push, pull_request, …
	Event string `json:"event"`
	// Ref is the full ref that moved.
	// +optional
	Ref string `json:"ref,omitempty"`
	// Before is the commit that the ref was at before.
	// +optional
	Before string `json:"before,omitempty"`
	// After is the commit that the ref is at now, as the forge said.
	// +optional
	After string `json:"after,omitempty"`
	// Actor is the login of who did it.
	// +optional
	Actor string `json:"actor,omitempty"`
	// ActorID is the forge's id of their account.
	// +optional
	ActorID string `json:"actorID,omitempty"`
	// PullRequest is the number of the pull request.
	// +optional
	PullRequest int64 `json:"pullRequest,omitempty"`
	// Action is what happened to the pull request.
	// +optional
	Action string `json:"action,omitempty"`
	// Comment is the forge's id of the comment.
	// +optional
	Comment string `json:"comment,omitempty"`
	// Command is what the comment asks for: the rest of its first line that starts
	// with /slipway, as it was when the comment was written.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Command string `json:"command,omitempty"`
	// Written is when the comment was written, by the forge's clock.
	// +optional
	Written *metav1.Time `json:"written,omitempty"`
	// Received is when the receiver accepted it.
	Received metav1.MicroTime `json:"received"`
}

// DeliveryPhase is the state of a delivery.
// +kubebuilder:validation:Enum=Pending;Done;Failed
type DeliveryPhase string

// The phases of a delivery.
const (
	DeliveryPending DeliveryPhase = "Pending"
	DeliveryDone    DeliveryPhase = "Done"
	DeliveryFailed  DeliveryPhase = "Failed"
)

// DeliveryStatus is what became of a delivery.
//
// +structType=atomic
type DeliveryStatus struct {
	// Phase is where the delivery stands.
	// +optional
	Phase DeliveryPhase `json:"phase,omitempty"`
	// Message is what came of it, or why it failed.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// Attempts counts how often it was tried.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// Finished is when it was done or failed.
	// +optional
	Finished *metav1.MicroTime `json:"finished,omitempty"`
	// Replayed is the mark of the last replay that was done.
	// +optional
	Replayed string `json:"replayed,omitempty"`
	// Answer is what the command of a comment came to.
	// +optional
	Answer *CommandAnswer `json:"answer,omitempty"`
}

// CommandAnswer is what the command of a comment came to.
type CommandAnswer struct {
	// Refused is true when nothing was done.
	// +optional
	Refused bool `json:"refused,omitempty"`
	// Silent is true when nobody is told: the comment is too old.
	// +optional
	Silent bool `json:"silent,omitempty"`
	// Message is the answer for people.
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message"`
}

// AnnotationReplay requests that a delivery is processed again. Its value is any
// text that it did not have before.
const AnnotationReplay = Group + "/replay"

// maxReplayMark bounds what is remembered of a mark, in bytes.
const maxReplayMark = 64

// ReplayMark returns the mark that requests a replay, empty for none.
func (d *Delivery) ReplayMark() string {
	mark := d.Annotations[AnnotationReplay]
	return mark[:min(len(mark), maxReplayMark)]
}

// Waits reports whether a delivery must be processed: for the first time, or
// again.
func (d *Delivery) Waits() bool {
	if d.Status.Phase == "" || d.Status.Phase == DeliveryPending {
		return true
	}
	mark := d.ReplayMark()
	return mark != "" && mark != d.Status.Replayed
}

// DeliveryList is a list of deliveries.
// +kubebuilder:object:root=true
type DeliveryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Delivery `json:"items"`
}
