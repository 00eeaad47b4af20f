package inventory

// DriftKind says what happened to an object.
type DriftKind string

// How an object can differ from what the last apply left.
const (
	DriftChanged DriftKind = "changed" // another manager took fields that Slipway owned
	DriftDeleted DriftKind = "deleted" // the object or its labels are gone
)

// Drift is an object that may differ from what the last apply left.
type Drift struct {
	Ref  Ref
	Kind DriftKind
	// Manager is the field manager that changed it last; empty when unknown.
	Manager string
}
