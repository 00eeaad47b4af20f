package acceptance

import "slices"

// Move is a push of the trusted ref as the forge reported it. An empty By is
// nobody that is known.
type Move struct{ Before, After, By string }

// Step is a part of the way that the trusted ref went, with those who may have
// pushed it. None means that nobody knows.
type Step struct {
	Before, After string
	By            []string
}

// Way returns the steps by which the ref came from one commit to another, in
// order, and whether the moves account for all of it. What they don't account for
// is a step of nobody. The shortest way counts: what a ref left again is in force
// nowhere.
func Way(from, to string, moves []Move) (steps []Step, whole bool) {
	if from == to {
		return nil, true
	}
	came := map[string]string{from: ""} // commits that are reached, by the one before
	for queue := []string{from}; len(queue) > 0 && came[to] == ""; queue = queue[1:] {
		for _, move := range moves {
			if _, seen := came[move.After]; move.Before == queue[0] && !seen {
				came[move.After] = queue[0]
				queue = append(queue, move.After)
			}
		}
	}
	if came[to] != "" {
		for at := to; at != from; at = came[at] {
			steps = append(steps, step(came[at], at, moves))
		}
		slices.Reverse(steps)
		return steps, true
	}
	return lastSteps(from, to, moves), false
}

// lastSteps returns the end of a way that is not known as a whole, after a step of
// nobody.
func lastSteps(from, to string, moves []Move) []Step {
	var steps []Step
	seen := map[string]bool{}
	for at := to; !seen[at]; {
		seen[at] = true
		before := ""
		for _, move := range moves {
			if move.After == at && move.Before != "" && before != "" && move.Before != before {
				before = ""
				break // it came there twice
			}
			if move.After == at && move.Before != "" {
				before = move.Before
			}
		}
		if before == "" || seen[before] {
			break
		}
		steps = append(steps, step(before, at, moves))
		at = before
	}
	start := to
	if len(steps) > 0 {
		start = steps[len(steps)-1].Before
	}
	steps = append(steps, Step{Before: from, After: start})
	slices.Reverse(steps)
	return steps
}

// step returns the step between two commits. Of several who may have made it, each
// must be known.
func step(before, after string, moves []Move) Step {
	s := Step{Before: before, After: after}
	for _, move := range moves {
		if move.Before != before || move.After != after {
			continue
		}
		if move.By == "" {
			return Step{Before: before, After: after}
		}
		s.By = append(s.By, move.By)
	}
	slices.Sort(s.By)
	s.By = slices.Compact(s.By)
	return s
}
