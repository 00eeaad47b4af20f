// Package apply brings the objects of a stage to its rendered manifests and
// knows exactly which objects it owns.
//
// It sends one server-side apply per changed object and nothing for an
// unchanged one, in order groups, in parallel inside a group. What the stage
// owns is kept in an inventory, which is written before the objects (intent)
// and after them (identity), so that a crash between any two writes loses
// nothing. An object is unchanged when three things hold: the document is the
// one that was last applied, the live object has the identity that was
// recorded, and the set of fields the server says Slipway owns is the one that
// was recorded. Whoever changes or removes an owned field takes it out of that
// set, so drift is seen from metadata alone, and Secrets are never read.
//
// The room knows nothing of git, projects, releases or rendering. It does not
// create namespaces and does not decide what manifests may contain.
package apply
