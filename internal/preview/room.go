package preview

import (
	"slices"
	"time"
)

// roomAfter is how long nobody visited or pushed to a preview that makes room for another.
const roomAfter = 10 * time.Minute

// makeRoom has up to so many previews sleep that the next visit wakes, those that nobody
// came to for longest first, and returns how many do.
func (f Facts) makeRoom(decisions []Decision, most int) int {
	var idle []*Decision
	for i := range decisions {
		d := &decisions[i]
		known := f.Known[d.Request.Number]
		if d.Runs != "" && known.Lives && known.Wakes && !known.Asleep && !d.Sleeps && f.Now.Sub(active(d.Pushed, known)) >= roomAfter {
			idle = append(idle, d)
		}
	}
	slices.SortStableFunc(idle, func(a, b *Decision) int {
		return active(a.Pushed, f.Known[a.Request.Number]).Compare(active(b.Pushed, f.Known[b.Request.Number]))
	})
	idle = idle[:min(len(idle), most)]
	for _, d := range idle {
		d.Sleeps = true
	}
	return len(idle)
}

// active returns when somebody came to a preview last.
func active(pushed time.Time, known Known) time.Time {
	if known.Visited.After(pushed) {
		return known.Visited
	}
	return pushed
}
