package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Stage is a branch rule made real: one namespace and what runs in it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=swstage
// +kubebuilder:printcolumn:name="Project",type=string,JSONPath=`.spec.project`
// +kubebuilder:printcolumn:name="Stage",type=string,JSONPath=`.spec.name`
// +kubebuilder:printcolumn:name="Ref",type=string,JSONPath=`.spec.ref`
// +kubebuilder:printcolumn:name="Commit",type=string,JSONPath=`.status.commit`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Stage struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec StageSpec `json:"spec"`
	// +optional
	Status StageStatus `json:"status,omitempty"`
}

// StageSpec is what a sync wants of a stage.
type StageSpec struct {
	// Project names the Project of the same organization.
	Project string `json:"project"`
	// Name is the stage's name for people: the rule's name, and for a pattern
	// rule a readable form of the branch behind it.
	Name string `json:"name"`
	// Rule is the name of the stage rule in the project file.
	Rule string `json:"rule"`
	// Ref is the full ref that feeds the stage.
	Ref string `json:"ref"`
	// Namespace is where the stage's objects live.
	Namespace string `json:"namespace"`
	// Wanted is the head that the stage should have.
	Wanted Head `json:"wanted"`
	// OnDelete is what happens when the ref or the rule is gone.
	// +optional
	// +kubebuilder:validation:Enum=keep;delete
	OnDelete string `json:"onDelete,omitempty"`
	// TTL is how long a stage of a pattern rule lives after its last push;
	// Pushed is since when its commit is there.
	// +optional
	TTL *metav1.Duration `json:"ttl,omitempty"`
	// Pushed is since when the wanted commit is there.
	// +optional
	Pushed *metav1.Time `json:"pushed,omitempty"`
	// PromoteFrom names the stage whose digests this one takes; a push alone
	// releases nothing here then.
	// +optional
	PromoteFrom string `json:"promoteFrom,omitempty"`
	// Resources bounds the stage.
	// +optional
	Resources StageResources `json:"resources,omitempty"`
	// Pause stops automatic releases while it is set; the sync leaves it alone.
	// +optional
	Pause *Pause `json:"pause,omitempty"`
	// Scale are replicas that people set, by service. They come into force with a
	// release of the trigger scale and override the project file until they are
	// removed (by a negative number, or none). The sync leaves them alone.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Scale map[string]int32 `json:"scale,omitempty"`
	// Sleep says when the stage sleeps; nil means never, unless somebody asks.
	// +optional
	Sleep *Sleep `json:"sleep,omitempty"`
	// Gated is true when requests to the stage pass slipway gate, which counts them:
	// the stage wakes with the next one.
	// +optional
	Gated bool `json:"gated,omitempty"`
	// Access is who may see a preview behind the gate: who has its link, or everybody
	// (public). It is empty for other stages.
	// +optional
	// +kubebuilder:validation:Enum=link;public
	Access string `json:"access,omitempty"`
	// PullRequest is the number of the pull request that a preview is of; 0 for
	// other stages. A preview's rule is the stage that previews are made from.
	// +optional
	PullRequest int64 `json:"pullRequest,omitempty"`
	// Fork is true for a preview whose commit comes from another repository. Its
	// images are nobody else's, it has no sealed values, and its pods reach nothing
	// but each other.
	// +optional
	Fork bool `json:"fork,omitempty"`
	// Extension lets a preview live longer than its TTL. The sync leaves it alone.
	// +optional
	Extension *Extension `json:"extension,omitempty"`
}

// Extension records who lets a preview live longer, and until when.
//
// +kubebuilder:validation:XValidation:rule="self.until - self.at <= duration('720h')",message="a preview is extended by 720h at most"
type Extension struct {
	// By is who asked for it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by"`
	// At is when they asked.
	At metav1.Time `json:"at"`
	// Until is when the preview ends at the earliest, 30 days after At at most.
	Until metav1.Time `json:"until"`
}

// IsPreview reports whether the stage is the preview of a pull request.
func (s *Stage) IsPreview() bool { return s.Spec.PullRequest != 0 }

// Pause records who stopped a stage's automatic releases, and why.
type Pause struct {
	// By is the Kubernetes user who paused the stage.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by"`
	// Reason is what they said.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// At is when they asked.
	At metav1.Time `json:"at"`
}

// StageResources are Kubernetes quantities; empty means unbounded.
type StageResources struct {
	// CPU bounds the processors that the stage's pods request and use.
	// +optional
	CPU string `json:"cpu,omitempty"`
	// Memory bounds their memory.
	// +optional
	Memory string `json:"memory,omitempty"`
}

// Head is a commit and what is known about who pushed it.
type Head struct {
	// Commit is the full commit id.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	Commit string `json:"commit"`
	// FileCommit is the commit whose project file applies: one of the trusted ref, or
	// the head of a pull request whose author may deploy.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	FileCommit string `json:"fileCommit"`
	// FileID is the git object id of that project file; it changes when the file
	// does.
	// +optional
	FileID string `json:"fileID,omitempty"`
	// FileObject is the git object id of slipway.yaml at fileCommit.
	// +optional
	FileObject string `json:"fileObject,omitempty"`
	// FileActor is the login of the person who pushed that slipway.yaml, or accepted
	// it; empty when unknown, "(registration)" when the Project was registered with it.
	// +optional
	FileActor string `json:"fileActor,omitempty"`
	// AcceptedCommit is the commit of the trusted ref whose members, stages and
	// previews apply, if another than fileCommit: while those of fileCommit are held.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	AcceptedCommit string `json:"acceptedCommit,omitempty"`
	// Acceptance is the number of the project's acceptance in force.
	// +optional
	Acceptance int64 `json:"acceptance,omitempty"`
	// Secondary are the commits of the project's other repositories whose project
	// files apply or which services are built from, as the sync found them: the same
	// head always means the same services and the same sources.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +optional
	Secondary []RepositoryCommit `json:"secondary,omitempty"`
	// Actor is the login of the person who pushed, from a verified delivery of the
	// forge; empty when unknown.
	// +optional
	Actor string `json:"actor,omitempty"`
	// Delivery names the Delivery that announced the commit.
	// +optional
	Delivery string `json:"delivery,omitempty"`
	// Subject is the first line of the commit message, at most 120 bytes.
	// +optional
	Subject string `json:"subject,omitempty"`
	// Skip is true when the commit's message contains [skip slipway], which keeps
	// it from being released automatically.
	// +optional
	Skip bool `json:"skip,omitempty"`
}

// ActorRegistration stands for who pushed what was there when the Project was
// registered: whoever registered it answers for it.
const ActorRegistration = "(registration)"

// RepositoryCommit is a commit of one of a project's repositories.
type RepositoryCommit struct {
	// Repository is the repository's name in the Project.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Repository string `json:"repository"`
	// Ref is the branch, tag or full ref that a service's build names; empty means
	// the default branch, from which the repository's project file is read too.
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Ref string `json:"ref,omitempty"`
	// Commit is the full commit id.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	Commit string `json:"commit"`
	// Actor is the login of the person who pushed it, from a verified delivery of the
	// forge; empty when unknown, "(registration)" when it was there when the Project was
	// registered.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Actor string `json:"actor,omitempty"`
}

// StageStatus is what Slipway observed of a stage.
//
// +structType=atomic
type StageStatus struct {
	// ObservedGeneration is the generation of the spec that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Commit is the commit that last succeeded.
	// +optional
	Commit string `json:"commit,omitempty"`
	// Head is the newest head of the stage's ref that leaves the stage as it is:
	// it makes the same manifests and images as the release that it names, so it
	// has no release of its own. It is written half a minute after the last push, and
	// after two minutes where pushes go on.
	// +optional
	Head *UnchangedHead `json:"head,omitempty"`
	// Release names the newest release, Good the newest that succeeded.
	// +optional
	Release string `json:"release,omitempty"`
	// Good names the newest release that succeeded.
	// +optional
	Good string `json:"good,omitempty"`
	// Attempted is the commit of the newest release.
	// +optional
	Attempted string `json:"attempted,omitempty"`
	// Sequence counts the stage's releases.
	// +optional
	Sequence int64 `json:"sequence,omitempty"`
	// Phase is the newest release's phase.
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// Quarantine is the commit that was rolled back. Nothing is released
	// automatically until a descendant of it is wanted.
	// +optional
	Quarantine *Quarantine `json:"quarantine,omitempty"`
	// Scale are the replicas in force by service: those of spec.scale when the last
	// release of the trigger scale was accepted.
	// +optional
	Scale map[string]int32 `json:"scale,omitempty"`
	// Asleep says that the stage has no pods, since when and why; nil while it is awake.
	// +optional
	Asleep *Asleep `json:"asleep,omitempty"`
	// Visited is when the gate last let a request of somebody through that counts as a
	// visit. It is up to a minute old.
	// +optional
	Visited *metav1.MicroTime `json:"visited,omitempty"`
	// Share lets who has it see a preview whose access is link.
	// +optional
	Share *Share `json:"share,omitempty"`
	// Drift is the last difference that others made to the stage's objects.
	// +optional
	Drift *Drift `json:"drift,omitempty"`
	// URL is the address of the stage's first routed service.
	// +optional
	URL string `json:"url,omitempty"`
	// Services is how each service runs.
	// +optional
	// +listType=map
	// +listMapKey=name
	Services []ServiceStatus `json:"services,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// UnchangedHead is a head that makes the same manifests and images as an earlier
// release.
type UnchangedHead struct {
	// Commit is the full commit id.
	Commit string `json:"commit"`
	// FileCommit is the commit of the trusted ref whose project file applies.
	FileCommit string `json:"fileCommit"`
	// FileID is the id of that project file.
	// +optional
	FileID string `json:"fileID,omitempty"`
	// Release names the release whose manifests and images the head would make.
	Release string `json:"release"`
	// Since is the commit of that release: the last that changed anything.
	Since string `json:"since"`
}

// Unchanged returns the commit that the stage has besides the one that last
// succeeded, because it changes nothing; empty when there is none.
func (s *StageStatus) Unchanged() string {
	if s.Head == nil || s.Head.Since != s.Commit || s.Head.Commit == s.Commit {
		return ""
	}
	return s.Head.Commit
}

// Quarantine is a commit that must not be released automatically.
type Quarantine struct {
	// Commit is the commit.
	Commit string `json:"commit"`
	// Release names the release that deployed the commit.
	Release string `json:"release"`
	// By is the user who rolled it back; empty when Slipway did.
	// +optional
	By string `json:"by,omitempty"`
	// Reason is what they said.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// At is when the stage went back.
	At metav1.Time `json:"at"`
}

// Drift is a difference between what was applied and what was found later.
type Drift struct {
	// Object is kind and name, such as Deployment/web.
	Object string `json:"object"`
	// Manager is the field manager who made the difference; empty when unknown.
	// +optional
	Manager string `json:"manager,omitempty"`
	// Message is the sentence for people.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
	// Contended is true when the other manager makes the difference again and again.
	// +optional
	Contended bool `json:"contended,omitempty"`
	// At is when the difference was found.
	At metav1.Time `json:"at"`
	// Repairs counts what was repaired since the newest release.
	// +optional
	Repairs int64 `json:"repairs,omitempty"`
}

// ServiceStatus is how one service of a stage runs.
type ServiceStatus struct {
	// Name is the name of the service.
	Name string `json:"name"`
	// Image is the image by digest.
	// +optional
	Image string `json:"image,omitempty"`
	// Ready and Wanted count replicas.
	// +optional
	Ready int32 `json:"ready"`
	// Wanted is how many replicas there should be.
	// +optional
	Wanted int32 `json:"wanted"`
	// URL is the address of a routed service.
	// +optional
	URL string `json:"url,omitempty"`
	// Message is why the service is not ready.
	// +optional
	Message string `json:"message,omitempty"`
}

// StageList is a list of stages.
// +kubebuilder:object:root=true
type StageList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Stage `json:"items"`
}
