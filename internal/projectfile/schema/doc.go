// Package schema makes the published JSON Schema of a project file from the
// types of the room project and the table of rules.
//
// It must not know how files are parsed; its tests compare both.
package schema
