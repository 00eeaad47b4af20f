package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Acceptance is a person's request to bring a held project file into force, to take
// another account at the forge for a member's, or to let a fork's commit run. Whether it counts is decided by
// their role in the file that is in force.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=swacceptance
// +kubebuilder:printcolumn:name="Project",type=string,JSONPath=`.spec.project`
// +kubebuilder:printcolumn:name="By",type=string,JSONPath=`.spec.by`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Acceptance struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an acceptance is immutable; make a new one"
	// +kubebuilder:validation:XValidation:rule="[has(self.file), has(self.identity), has(self.preview)].filter(one, one).size() == 1",message="set exactly one of file, identity and preview"
	Spec AcceptanceSpec `json:"spec"`
	// +optional
	Status AcceptanceStatus `json:"status,omitempty"`
}

// AcceptanceSpec is what somebody accepts.
//
// +structType=atomic
type AcceptanceSpec struct {
	// Project names the Project.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Project string `json:"project"`
	// File is the git object id of the held slipway.yaml: exactly this one is
	// accepted.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	File string `json:"file,omitempty"`
	// Identity is the account that is accepted as a member's.
	// +optional
	Identity *AcceptedIdentity `json:"identity,omitempty"`
	// Preview is the commit of a fork that may run in a preview.
	// +optional
	Preview *AcceptedPreview `json:"preview,omitempty"`
	// By is the Kubernetes user who accepts it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by"`
	// Reason is what they said.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}

// AcceptedIdentity is an account at the forge that has a member's login.
type AcceptedIdentity struct {
	// Login is the member's login.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Login string `json:"login"`
	// ID is the forge's id of the account that has it now.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	ID string `json:"id"`
}

// AcceptedPreview is one commit of a pull request from a fork.
type AcceptedPreview struct {
	// PullRequest is the number of the pull request.
	// +kubebuilder:validation:Minimum=1
	PullRequest int64 `json:"pullRequest"`
	// Commit is its head: exactly this commit may run.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	Commit string `json:"commit"`
}

// AcceptancePhase is what became of an acceptance.
// +kubebuilder:validation:Enum=Accepted;Refused
type AcceptancePhase string

// The phases of an acceptance that was decided.
const (
	AcceptanceAccepted AcceptancePhase = "Accepted"
	AcceptanceRefused  AcceptancePhase = "Refused"
)

// AcceptanceStatus is what became of an acceptance.
//
// +structType=atomic
type AcceptanceStatus struct {
	// Phase is empty until it is decided.
	// +optional
	Phase AcceptancePhase `json:"phase,omitempty"`
	// Message is the sentence for people.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
}

// AcceptanceList is a list of acceptances.
// +kubebuilder:object:root=true
type AcceptanceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Acceptance `json:"items"`
}
