// Package apply brings the objects of a stage to its rendered manifests and
// knows exactly which objects the stage owns. README.md tells the story of one
// apply, file by file.
//
// It sends one server-side apply per changed object and nothing for an
// unchanged one, in order groups, in parallel inside a group. The inventory of
// what the stage owns is written before the objects (intent) and after them
// (identity), so that a crash between any two writes loses nothing. An object
// is unchanged when three things hold: its document is the one that was last
// applied, the live object has the recorded identity, and the set of fields
// that the server says Slipway owns is the recorded one. Whoever changes or
// removes an owned field takes it out of that set, so drift is seen from
// metadata alone, and Secrets are never read.
//
// The room knows nothing of git, projects, releases and rendering. It does not
// create namespaces and does not decide what manifests may contain.
package apply
