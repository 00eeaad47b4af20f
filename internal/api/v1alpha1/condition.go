package v1alpha1

// Condition types shared by the custom resources.
const (
	// ConditionReady is True when the object does what its spec asks.
	ConditionReady = "Ready"
	// ConditionSynced is True on a Project when its heads and its project
	// file were read and every wanted stage exists. It is Unknown, with the reason
	// Slow, while a sync takes long; its message says what it waits for.
	ConditionSynced = "Synced"
	// ConditionFileAccepted is True on a Project whose whole file is in force, and
	// False while what it says of members, stages and previews is held.
	ConditionFileAccepted = "FileAccepted"
	// ConditionPreviews is True on a Project whose previews are those that its open
	// pull requests ask for, and False while the forge can't be asked; those that there
	// are stay then.
	ConditionPreviews = "Previews"
	// ConditionUserNamespaces is True on a Cluster whose nodes can all give pods a
	// user namespace, which the level contained needs; Unknown while nobody knows.
	ConditionUserNamespaces = "UserNamespaces"
	// ConditionTemplates is False on an Organization whose own templates can't
	// be used.
	ConditionTemplates = "Templates"
	// ConditionAccepted is True on a requested release that may begin, and False
	// on one that was refused, which does not count in its stage's history.
	ConditionAccepted = "Accepted"
	// ConditionApproved is True on a release that people approved; its message
	// names them.
	ConditionApproved = "Approved"
	// ConditionWaiting is True on a release while something that it needs is
	// unavailable; its message says what. The release continues by itself.
	ConditionWaiting = "Waiting"
	// ConditionAutoRollback is True on a failed release that is rolled back
	// automatically.
	ConditionAutoRollback = "AutoRollback"
	// ConditionAutoDeploy is True on a Stage whose pushes are released
	// automatically; else its message says why not and what to do.
	ConditionAutoDeploy = "AutoDeploy"
	// ConditionNamespace is False on a Stage whose namespace is being deleted, gone
	// or somebody else's, though the stage is to stay; its message says what to do.
	ConditionNamespace = "Namespace"
)

// ReasonEnding is the reason of ConditionReady on a Stage that is being taken down.
const ReasonEnding = "Ending"

// ReasonNoUserNamespaces is the reason of ConditionUserNamespaces where no node has
// them: stages of the level contained are refused.
const ReasonNoUserNamespaces = "NoNode"

// CertificateAuthority names where certificate authorities are that a server's
// certificate may be of, besides those of the system.
// +kubebuilder:validation:XValidation:rule="has(self.secret) != has(self.configMap)",message="name either a secret or a configMap"
type CertificateAuthority struct {
	// Secret is the name of a Secret in the object's own namespace.
	// +optional
	// +kubebuilder:validation:MinLength=1
	Secret string `json:"secret,omitempty"`
	// ConfigMap is the name of a ConfigMap there.
	// +optional
	// +kubebuilder:validation:MinLength=1
	ConfigMap string `json:"configMap,omitempty"`
	// Key is the key in it, with certificates in PEM; empty means "ca.crt".
	// +optional
	Key string `json:"key,omitempty"`
}

// SecretKey names one key of a Secret in the object's own namespace.
type SecretKey struct {
	// Name is the name of the Secret.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Key is the key in it, where the default of the use is not meant.
	// +optional
	Key string `json:"key,omitempty"`
}
