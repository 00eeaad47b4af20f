// Package projectfile reads slipway.yaml: strictly, with a position for every
// mistake, and within limits, because anyone who can push writes this file.
//
// Parse reads the file of a project's primary repository, ParseSecondary the
// one of a secondary repository, which may only declare services. Both report
// all mistakes at once, as Problems sorted by position. What they return is
// checked: other rooms rely on it. Document.Effective gives
// a stage's services with defaults and overrides applied, Document.Explain the
// same value by value with its origin. Schema is the published JSON Schema; it
// comes from the same types and the same table of rules (rule.go) that the
// reader obeys.
//
// The room is pure: no I/O, no clock, no logger. It must not know git, forges
// or Kubernetes objects.
//
// # What the schema can't say
//
// References (a stage or service that does not exist), cycles of promoteFrom,
// hosts used twice, nested volumes, an owner among the members, calendar and
// arithmetic (a cron field of 99, a quantity of zero, min above max) are known
// to the reader alone. Everything else both decide alike.
//
// # Merging
//
// A service's value for a stage is its default, overlaid by the service,
// overlaid by the service's stages.<stage>. Maps merge by key; lists and single
// values replace; null in an override removes what the service says, so that
// the default holds again. An override can't change the kind of the source.
//
// With adds the services of secondary files to the primary one's.
//
// # Limits
//
//	size of the file                    256 KiB
//	length of a line                    64 KiB
//	YAML tokens                         20,000
//	values, aliases expanded            20,000
//	maps and lists inside each other    32
//	length of a key                     1,024 bytes
//	uses of aliases                     100
//	problems reported at once               50
//	services                            200
//	stages                              100
//	members                             1,000
//
// Each field's own bounds are in rule.go and in the schema. Tags (!x), merge
// keys (<<), complex keys (?), directives (%), keys that are not strings,
// duplicate keys and more than one document are refused.
package projectfile
