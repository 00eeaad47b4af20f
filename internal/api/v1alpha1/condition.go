package v1alpha1

// Condition types shared by the custom resources.
const (
	// ConditionReady is True when the object does what its spec asks.
	ConditionReady = "Ready"
	// ConditionSynced is True on a Project when its heads and its project
	// file were read and every wanted stage exists.
	ConditionSynced = "Synced"
	// ConditionTemplates is False on an Organization whose own templates can't
	// be used.
	ConditionTemplates = "Templates"
)

// SecretKey names one key of a Secret in the object's own namespace.
type SecretKey struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// +optional
	Key string `json:"key,omitempty"`
}
