package fastpath

// Features are the parts of the fast path. A server has all of them; tests
// switch some off to show that nothing but time depends on them, and how much.
type Features struct {
	Prefetch      bool // refs are read while the delivery is made durable
	HandOver      bool // the sync makes and queues the release of a stage
	Speculation   bool // the release begins before it is durable; goes with HandOver
	PriorityGate  bool // statuses wait for the objects of releases on their way
	DelayedPhases bool // phases are written only when they last
}

// All returns all features.
func All() Features {
	return Features{Prefetch: true, HandOver: true, Speculation: true, PriorityGate: true, DelayedPhases: true}
}
