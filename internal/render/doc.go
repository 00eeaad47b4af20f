// Package render turns the services of a project file, at one commit, into the
// manifests of one stage. Every source becomes a Kustomize base; the project's
// overlay, the stage's overlay and a layer of names and labels follow.
// The same request and the same files give the same bytes, on any machine.
//
// It works in two steps. Collect reads from a commit's tree what rendering
// needs and refuses the rest, by place. Render is pure: it sees only what was
// collected. Neither may be trusted to end on hostile input, nor to leave the
// process alive; the package worker runs both in a confined child.
//
// It must not know of clusters, of git, or of what manifests may contain.
package render
