// Package language recognises programs in a directory by the files of their
// language, and writes Dockerfiles for them. One file per language, one line in
// the table.
//
// It must not know of Compose files, charts or other platforms' files, and runs
// nothing.
package language
