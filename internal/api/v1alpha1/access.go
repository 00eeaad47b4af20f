package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Who may see a preview behind the gate.
const (
	AccessLink   = "link"
	AccessPublic = "public"
)

// Share lets its holder see a preview: as the parameter slipway-share of its address, or
// in the header X-Slipway-Bypass.
type Share struct {
	// Token is what the gate checks.
	Token string `json:"token"`
	// Expires is until when it counts. Another one is made some days before.
	Expires metav1.Time `json:"expires"`
}

// Link returns the address of the stage's first routed service as people open it, empty
// when there is none.
func (s *Stage) Link() string {
	if s.Status.URL == "" || s.Status.Share == nil || s.Spec.Access != AccessLink {
		return s.Status.URL
	}
	return s.Status.URL + "?slipway-share=" + s.Status.Share.Token
}
