package project

import "github.com/slipway-dev/slipway/internal/api/v1alpha1"

// PullRequests knows the open pull requests of projects' primary repositories.
type PullRequests interface {
	// Expire has a project's read again by whoever needs them next.
	Expire(p *v1alpha1.Project)
}
