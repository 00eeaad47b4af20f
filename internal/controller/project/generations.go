package project

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// generations remembers the generation that stages have since they were last
// written, which the watch cache may not show yet. The zero value is ready for use.
type generations struct {
	written sync.Map // types.UID → int64
}

func (g *generations) record(stage *v1alpha1.Stage) { g.written.Store(stage.UID, stage.Generation) }

// expect records that a stage is about to be written, so that nobody takes the
// write for somebody else's before it is answered.
func (g *generations) expect(stage *v1alpha1.Stage) {
	g.written.Store(stage.UID, stage.Generation+1)
}

func (g *generations) forget(stage types.UID) { g.written.Delete(stage) }

// isStale reports whether a stage was written since it was as it is here.
func (g *generations) isStale(stage *v1alpha1.Stage) bool {
	written, known := g.written.Load(stage.UID)
	return known && stage.Generation < written.(int64)
}

// isForeign reports whether somebody else wrote a stage as it is here.
func (g *generations) isForeign(stage *v1alpha1.Stage) bool {
	written, known := g.written.Load(stage.UID)
	return !known || stage.Generation > written.(int64)
}
