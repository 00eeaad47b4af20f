// Package grammar holds the table of rules for every field of a project file
// (rule.go) with the formats of its strings (format.go), and decodes a tree
// into the types of the room project by that table.
//
// It must not know what relates values of different places to each other
// (package check does), nor the JSON Schema that is made from the table.
package grammar
