// Package prerequisite sees to it that the machine can run a full cluster:
// what only a person can change is said in one sentence, missing Debian
// packages are installed.
//
// It must not know what the packages' programs are used for later.
package prerequisite
