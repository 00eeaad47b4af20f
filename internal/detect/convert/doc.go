// Package convert makes services of what other platforms' files say: line by
// line, with what could not be taken. One file per platform, one line in the
// table.
//
// It must not know what becomes of the services.
package convert
