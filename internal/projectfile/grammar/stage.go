package grammar

import "github.com/slipway-dev/slipway/internal/projectfile/syntax"

// ForStage returns a service's node for a stage rule, without defaults.
func ForStage(service *syntax.Node, rule string) *syntax.Node {
	return syntax.Merge(service.Without("stages"), service.Get("stages").Get(rule))
}
