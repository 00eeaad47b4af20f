// Package stage holds the commands about what runs in a stage: its status, and
// what changes it (deploy, rollback, promote, approve, reject, restart, scale,
// sleep, wake, pause, resume). They read their arguments and print; what they do is operate's.
// It must not know how a release is decided upon or carried out.
package stage
