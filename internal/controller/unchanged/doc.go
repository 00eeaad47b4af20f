// Package unchanged decides when it is worth a report that a commit leaves stages
// as they are, and has sinks send it: a few reports for a push, however many stages
// follow the branch.
//
// It must not know how commits are compared, how releases run, what a sink does,
// nor any other reconciler.
package unchanged
