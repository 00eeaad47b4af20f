// Package controller brings Slipway's objects and the world together: it
// makes organizations' namespaces, syncs projects with their repositories,
// turns wanted heads into releases, runs those, and reports them.
//
// Each reconciler reads what is wanted from the API server's watch cache and
// does one noun's work; what a release is made of is the story of package
// release, and what a push means is decided by package plan. This room must
// not know how anything is built, rendered or applied.
package controller
