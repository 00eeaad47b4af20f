package apply

// Replicas and autoscalers. An autoscaler must own spec.replicas of what it
// scales, or every release would undo its work. But an object that is made
// without replicas starts with one, and an owner who stops sending replicas
// resets them to one. So Slipway sends the autoscaler's minimum when it makes
// the object, goes on sending what it sent last for as long as it still owns
// the field, and stops for good once the autoscaler took it.

// replicas returns the spec.replicas to send, nil for none.
func (c *change) replicas(minimum int32) *int32 {
	own := c.document.Replicas()
	switch {
	case !c.document.Ref.Scalable():
		return own
	case c.leaveReplicas:
		return nil
	case !c.scaled:
		return own
	case c.action == actionCreate || c.action == actionReplace:
		return &minimum
	case c.action == actionPatch && c.live.Replicas && c.entry.Replicas != nil:
		return c.entry.Replicas
	case c.action == actionPatch && c.live.Replicas:
		return &minimum
	}
	return nil
}
