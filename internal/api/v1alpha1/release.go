package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Release is one attempt to bring a stage to one commit.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=swrelease
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.spec.stage`
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.spec.head.commit`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Built",type=integer,JSONPath=`.status.built`
// +kubebuilder:printcolumn:name="Reused",type=integer,JSONPath=`.status.reused`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Release struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="self.project == oldSelf.project && self.stage == oldSelf.stage && self.sequence == oldSelf.sequence && self.head == oldSelf.head && self.trigger == oldSelf.trigger && (has(self.from) ? self.from : '') == (has(oldSelf.from) ? oldSelf.from : '') && (has(self.by) ? self.by : '') == (has(oldSelf.by) ? oldSelf.by : '') && (has(self.reason) ? self.reason : '') == (has(oldSelf.reason) ? oldSelf.reason : '') && (has(self.services) ? self.services : []) == (has(oldSelf.services) ? oldSelf.services : [])",message="a release's spec is immutable but for its verdicts; make a new release"
	// +kubebuilder:validation:XValidation:rule="!has(oldSelf.verdicts) || (has(self.verdicts) && oldSelf.verdicts.all(v, v in self.verdicts))",message="a verdict stays; give another one"
	Spec ReleaseSpec `json:"spec"`
	// +optional
	Status ReleaseStatus `json:"status,omitempty"`
}

// Trigger says why a release was made.
// +kubebuilder:validation:Enum=push;rollback;promotion;deploy;restart;scale;sleep;wake;auto-rollback;auto-sleep;auto-wake
type Trigger string

// The triggers of a release.
const (
	TriggerPush      Trigger = "push"
	TriggerRollback  Trigger = "rollback"
	TriggerPromotion Trigger = "promotion"
	TriggerDeploy    Trigger = "deploy"
	TriggerRestart   Trigger = "restart"
	TriggerScale     Trigger = "scale"
	// TriggerSleep takes a stage's pods away and keeps everything else; TriggerWake
	// brings them back.
	TriggerSleep Trigger = "sleep"
	TriggerWake  Trigger = "wake"
	// TriggerAutoRollback goes back to the last good bundle after a failure.
	TriggerAutoRollback Trigger = "auto-rollback"
	// TriggerAutoSleep and TriggerAutoWake are what sleep and wake are, when nobody
	// asked for them.
	TriggerAutoSleep Trigger = "auto-sleep"
	TriggerAutoWake  Trigger = "auto-wake"
)

// Asked reports whether people request releases with this trigger.
func (t Trigger) Asked() bool {
	switch t {
	case TriggerDeploy, TriggerRollback, TriggerPromotion, TriggerRestart, TriggerScale, TriggerSleep, TriggerWake:
		return true
	}
	return false
}

// DeploysCommit reports whether releases with this trigger deploy a commit that the
// stage need not have had before.
func (t Trigger) DeploysCommit() bool {
	return t == TriggerPush || t == TriggerDeploy || t == TriggerPromotion
}

// IsRollback reports whether releases with this trigger roll back the commit that
// was deployed last.
func (t Trigger) IsRollback() bool { return t == TriggerRollback || t == TriggerAutoRollback }

// KeepsCommit reports whether releases with this trigger leave the stage at
// the commit that it has.
func (t Trigger) KeepsCommit() bool {
	return t == TriggerRestart || t == TriggerScale || t.Rests()
}

// Sleeps reports whether releases with this trigger put the stage to sleep. Those with
// any other wake it.
func (t Trigger) Sleeps() bool { return t == TriggerSleep || t == TriggerAutoSleep }

// Rests reports whether releases with this trigger put the stage to sleep or do nothing
// but wake it.
func (t Trigger) Rests() bool { return t.Sleeps() || t == TriggerWake || t == TriggerAutoWake }

// TakesBundle reports whether releases with this trigger apply the bundle of an
// earlier release as it is: they read nothing from git, build nothing and
// render nothing.
func (t Trigger) TakesBundle() bool { return t.IsRollback() || t.KeepsCommit() }

// ReleaseSpec is what a release attempts; it is immutable but for its verdicts.
type ReleaseSpec struct {
	// Project names the Project.
	Project string `json:"project"`
	// Stage names the Stage object.
	Stage string `json:"stage"`
	// Sequence is the release's number in its stage, from 1.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	Sequence int64 `json:"sequence"`
	// Head is the commit to bring the stage to.
	Head Head `json:"head"`
	// Trigger is why the release was made.
	Trigger Trigger `json:"trigger"`
	// From names the release whose bundle or digests are taken, for a
	// rollback or a promotion.
	// +optional
	From string `json:"from,omitempty"`
	// By is the Kubernetes user who requested the release; empty when Slipway made
	// it.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by,omitempty"`
	// Reason is the reason that they gave.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// Services are the services that a restart concerns; none means all.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=63
	Services []string `json:"services,omitempty"`
	// Verdicts are the decisions of people about a held release. New ones are
	// added; old ones stay.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Verdicts []Verdict `json:"verdicts,omitempty"`
}

// The verdicts on a held release.
const (
	VerdictApprove = "approve"
	VerdictReject  = "reject"
)

// Verdict is one person's decision about a held release.
type Verdict struct {
	// By is the Kubernetes user who decided.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by"`
	// Verdict is the decision.
	// +kubebuilder:validation:Enum=approve;reject
	Verdict string `json:"verdict"`
	// Reason is what they said.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// At is when they decided.
	At metav1.Time `json:"at"`
}

// Phase is the state of a release.
// +kubebuilder:validation:Enum=Pending;Building;Rendering;Applying;Verifying;Succeeded;Failed;Held;Superseded
type Phase string

// The phases of a release.
const (
	PhasePending    Phase = "Pending"
	PhaseBuilding   Phase = "Building"
	PhaseRendering  Phase = "Rendering"
	PhaseApplying   Phase = "Applying"
	PhaseVerifying  Phase = "Verifying"
	PhaseSucceeded  Phase = "Succeeded"
	PhaseFailed     Phase = "Failed"
	PhaseHeld       Phase = "Held"
	PhaseSuperseded Phase = "Superseded"
)

// Done reports whether a release in this phase is finished.
func (p Phase) Done() bool {
	return p == PhaseSucceeded || p == PhaseFailed || p == PhaseSuperseded
}

// ReleaseStatus is what became of a release.
//
// +structType=atomic
type ReleaseStatus struct {
	// ObservedGeneration is the generation of the spec that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Phase is where the release stands.
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// Message is one sentence for people: what happens, or why the release failed
	// and what to do.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// Cause is a code for machines: BuildFailed, CrashLoop, ImagePull, …
	// +optional
	Cause string `json:"cause,omitempty"`
	// Services holds the decision about each service, and the reason.
	// +optional
	// +listType=map
	// +listMapKey=name
	Services []ReleaseService `json:"services,omitempty"`
	// Warnings are the warnings of rendering.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Warnings []string `json:"warnings,omitempty"`
	// Built and Reused count images.
	// +optional
	Built int32 `json:"built"`
	// Reused counts the images that were there already.
	// +optional
	Reused int32 `json:"reused"`
	// Bundle names the Secret with the rendered manifests, BundleDigest is
	// their digest (sha256:…).
	// +optional
	Bundle string `json:"bundle,omitempty"`
	// BundleDigest is the digest of the manifests (sha256:…).
	// +optional
	BundleDigest string `json:"bundleDigest,omitempty"`
	// Changes counts what applying did.
	// +optional
	Changes Changes `json:"changes,omitempty"`
	// Timings are the times at which the phases began.
	// +optional
	// +listType=atomic
	Timings []PhaseTime `json:"timings,omitempty"`
	// URL is the address of the stage's first routed service.
	// +optional
	URL string `json:"url,omitempty"`
	// Reported is the phase that was last reported to the forge.
	// +optional
	Reported Phase `json:"reported,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ReleaseService is the decision about one service's image.
type ReleaseService struct {
	// Name is the name of the service.
	Name string `json:"name"`
	// InputHash identifies the image's inputs, for a built service.
	// +optional
	InputHash string `json:"inputHash,omitempty"`
	// Inputs are the parts that the hash is made of, by name.
	// +optional
	Inputs map[string]string `json:"inputs,omitempty"`
	// Image is the image by digest, once known.
	// +optional
	Image string `json:"image,omitempty"`
	// Reused is true when no build was needed.
	// +optional
	Reused bool `json:"reused,omitempty"`
	// Why explains the decision.
	// +optional
	Why string `json:"why,omitempty"`
	// Refused says why the service was left as it was; empty when it was released.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Refused string `json:"refused,omitempty"`
	// Job names the build Job.
	// +optional
	Job string `json:"job,omitempty"`
	// URL is the service's address, for a routed service.
	// +optional
	URL string `json:"url,omitempty"`
	// Deadline is the time that the project file gives the service to become
	// ready; empty means the server's default.
	// +optional
	Deadline string `json:"deadline,omitempty"`
}

// PhaseTime is when a phase began.
type PhaseTime struct {
	// Phase is the phase.
	Phase Phase `json:"phase"`
	// At is when it began.
	At metav1.MicroTime `json:"at"`
}

// Changes counts objects by what happened to them.
type Changes struct {
	// Created counts objects that were made.
	// +optional
	Created int32 `json:"created"`
	// Changed counts objects that were written.
	// +optional
	Changed int32 `json:"changed"`
	// Unchanged counts objects that needed no write.
	// +optional
	Unchanged int32 `json:"unchanged"`
	// Pruned counts objects that were deleted.
	// +optional
	Pruned int32 `json:"pruned"`
}

// ReleaseList is a list of releases.
// +kubebuilder:object:root=true
type ReleaseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Release `json:"items"`
}
