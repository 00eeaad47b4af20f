// Package scm is the family of forges: what GitHub, GitLab, Gitea and
// Bitbucket report in a webhook, as one neutral Event, and what Slipway reports
// back to them. One folder per forge holds its driver; this package holds what
// they share and what they promise (package scmtest holds the promise as tests).
//
// It must not know projects, stages or Kubernetes, and it does not listen on
// the network. An Event is only a hint that something changed: commits are read
// from git, roles from the project file.
package scm
