package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Sleep says when a stage sleeps: it has no pods then, and all else stays.
type Sleep struct {
	// After is how long nobody visits a preview before it falls asleep. It counts where
	// the gate counts visits.
	// +optional
	After *metav1.Duration `json:"after,omitempty"`
	// Hours are when a stage sleeps every day, such as "20:00-07:00 Europe/Berlin".
	// +optional
	// +kubebuilder:validation:MaxLength=80
	Hours string `json:"hours,omitempty"`
}

// Asleep says since when a stage sleeps, and why.
type Asleep struct {
	// Since is when its pods were taken away.
	Since metav1.MicroTime `json:"since"`
	// By is the Kubernetes user who asked for it; empty when nobody did.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by,omitempty"`
	// Reason is what they said, or why nobody had to.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}
