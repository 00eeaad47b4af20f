package target

import (
	"context"
)

// Claim implements release.Claims.
func (s *Target) Claim(ctx context.Context, hosts []string) ([]string, error) {
	taken, err := s.connection.Hosts.Claim(ctx, s.owner, s.stage.Spec.Namespace, hosts)
	if err == nil && len(taken) == 0 {
		s.mu.Lock()
		s.hosts = &hosts
		s.mu.Unlock()
	}
	return taken, err
}

// keepHosts gives up the hosts that the stage, brought to its new manifests,
// no longer uses.
func (s *Target) keepHosts(ctx context.Context) error {
	s.mu.Lock()
	hosts := s.hosts
	s.mu.Unlock()
	if hosts == nil {
		return nil
	}
	return s.connection.Hosts.Keep(ctx, s.owner, s.stage.Spec.Namespace, *hosts)
}
