package inventory

// DriftKind says what happened to an object.
type DriftKind string

// What can happen to an object behind Slipway's back.
const (
	DriftChanged DriftKind = "changed" // fields that Slipway owned are somebody else's
	DriftDeleted DriftKind = "deleted" // it is gone, or its labels are
)

// Drift is an object that may not be as it was left.
type Drift struct {
	Ref  Ref
	Kind DriftKind
	// Manager is who changed it last, as far as the server knows.
	Manager string
}
