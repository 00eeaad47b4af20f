package repository

import (
	"context"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Descends implements runner.Sources. A mirror that was made anew may lack
// the history in between; then the forge is asked for both commits.
func (s *Sources) Descends(ctx context.Context, p *v1alpha1.Project, commit, ancestor string) (bool, error) {
	key := mirrorKey(p, p.Primary())
	descends, err := s.mirrors.Descends(ctx, key, commit, ancestor)
	if err == nil || fault.CodeOf(err) == fault.Invalid {
		return descends, err
	}
	remote, err := s.remote(ctx, p, p.Primary())
	if err != nil {
		return false, err
	}
	for _, needed := range []string{commit, ancestor} {
		if err := s.mirrors.Ensure(ctx, key, remote, needed); err != nil {
			return false, err
		}
	}
	return s.mirrors.Descends(ctx, key, commit, ancestor)
}
