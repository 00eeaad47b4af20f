// Package commitstatus is the sink of the forge's commit statuses: one per stage,
// and one for the project file, whose mistakes are shown at their lines where the
// forge can.
//
// It must not know any other sink, nor any forge.
package commitstatus
