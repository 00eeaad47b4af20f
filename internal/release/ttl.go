package release

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/project"
)

// ttlOf returns how long the stages of a rule live after their last push; nil
// means forever.
func ttlOf(rule project.Stage) *metav1.Duration {
	if rule.TTL == "" || !rule.Pattern() {
		return nil
	}
	ttl, err := time.ParseDuration(rule.TTL)
	if err != nil {
		return nil // the project file's check refuses it
	}
	return &metav1.Duration{Duration: ttl}
}
