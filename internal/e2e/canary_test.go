//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// leaks wants no secret of any test, and nothing that only bodies of
// deliveries hold, in what the server printed, nor in any object that isn't a
// Secret.
func (w *environment) leaks(ctx context.Context) error {
	for what, args := range map[string][]string{
		"the server's log":  {"logs", "-n", stand.Namespace, "deploy/slipway", "--all-containers"},
		"Slipway's objects": {"get", "organizations,clusters,projects,stages,releases,deliveries", "-A", "-o", "json"},
		"other objects":     {"get", "events,configmaps,pods,jobs", "-A", "-o", "json"},
	} {
		out, err := w.Kubectl(ctx, args...)
		if err != nil {
			return fmt.Errorf("look for secrets in %s: %w", what, err)
		}
		for i, canary := range append(w.secrets, w.token, forgetest.Canary) {
			if at := strings.Index(out, canary); at >= 0 {
				return fmt.Errorf("%s hold canary %d of %d after %q", what, i, len(w.secrets)+2, out[max(0, at-200):at])
			}
		}
	}
	return nil
}
