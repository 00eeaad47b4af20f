package fingerprint

import "sync"

// Answers answers reads from one tree, each at most once. It is safe for
// concurrent use.
type Answers struct {
	tree Tree

	mu    sync.Mutex
	known map[question]string
}

type question struct {
	kind Kind
	path string
}

// NewAnswers returns what answers from a tree.
func NewAnswers(tree Tree) *Answers {
	return &Answers{tree: tree, known: map[question]string{}}
}

func (a *Answers) to(kind Kind, path string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := question{kind, path}
	if found, known := a.known[asked]; known {
		return found, nil
	}
	found, err := answer(a.tree, kind, path)
	if err == nil {
		a.known[asked] = found
	}
	return found, err
}
