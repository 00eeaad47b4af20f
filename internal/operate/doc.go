// Package operate is what a person asks of a stage and of webhook deliveries:
// find it, request a release of it (deploy, roll back, promote, restart,
// scale, sleep, wake), approve or reject one, accept a held project file, pause and resume, follow a release to its end,
// and read what its status, releases and bundles say. The command line acts
// through these functions, and so will every other way in.
//
// Inputs and results are plain values. Requests are written with the rights of
// the given client and in the name of the given person; the server decides.
// Rules about releases (the next number, the last good one) are those of package
// release. The room prints nothing, and must not know flags, streams, exit codes
// or HTTP.
package operate
