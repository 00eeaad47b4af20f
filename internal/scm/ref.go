package scm

import (
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// The exact prefixes of the refs that may become stages. The rest is the
// name, so the branch "refs/heads/main" is refs/heads/refs/heads/main.
const (
	BranchPrefix = "refs/heads/"
	TagPrefix    = "refs/tags/"
)

// maxRef bounds a full ref; git itself can't store longer ones as files.
const maxRef = 1024

// Branch returns the full ref of a branch.
func Branch(name string) string { return BranchPrefix + name }

// Tag returns the full ref of a tag.
func Tag(name string) string { return TagPrefix + name }

// Move says that a ref of a repository went from one commit to another, as a
// forge reports it; all zeros stand for none.
type Move struct {
	Ref           string
	Before, After string
	Forced        bool
}

// Apply makes the event one about the move: a push, a tag or a deletion.
func (m Move) Apply(e Event) (Event, error) {
	if err := checkRef(m.Ref); err != nil {
		return Event{}, err
	}
	before, err := Commit(m.Before)
	if err != nil {
		return Event{}, err
	}
	after, err := Commit(m.After)
	if err != nil {
		return Event{}, err
	}
	tag := strings.HasPrefix(m.Ref, TagPrefix)
	if !tag && !strings.HasPrefix(m.Ref, BranchPrefix) {
		return Ignored(e.Name, e.Delivery, "only branches and tags become stages; this ref is neither"), nil
	}
	if before == "" && after == "" {
		return Ignored(e.Name, e.Delivery, "the ref was created and deleted again; nothing is left of it"), nil
	}
	e.Ref, e.Before, e.After = m.Ref, before, after
	e.Created, e.Deleted = before == "", after == ""
	e.Forced = m.Forced && !e.Created && !e.Deleted
	switch {
	case e.Deleted:
		e.Kind = KindDelete
	case tag:
		e.Kind = KindTag
	default:
		e.Kind = KindPush
	}
	return e, nil
}

// Commit returns a commit id of 40 or 64 lower-case hexadecimal digits as it
// is, and empty for none: all zeros, or nothing.
func Commit(id string) (string, error) {
	if id == "" {
		return "", nil
	}
	if len(id) != 40 && len(id) != 64 {
		return "", fault.New(fault.Invalid, "a commit id must have 40 or 64 digits; this one has %d characters", len(id))
	}
	if strings.Trim(id, "0123456789abcdef") != "" {
		return "", fault.New(fault.Invalid, "a commit id must be lower-case hexadecimal")
	}
	if strings.Trim(id, "0") == "" {
		return "", nil
	}
	return id, nil
}

// FullCommit returns a commit id that an operation can't do without.
func FullCommit(operation, id string) (string, error) {
	commit, err := Commit(id)
	if err != nil || commit == "" {
		return "", fault.New(fault.Invalid, "%s: %q is not a full commit id", operation, printable.Clip(id, 64))
	}
	return commit, nil
}

// BranchRef returns the full ref of a branch that a body names, checked.
func BranchRef(name string) (string, error) {
	if err := checkRef(Branch(name)); err != nil {
		return "", err
	}
	return Branch(name), nil
}

// checkRef refuses what git can't hold as a ref. Unicode and the shell's own
// characters are fine; see git-check-ref-format(1).
func checkRef(ref string) error {
	name := strings.TrimPrefix(strings.TrimPrefix(ref, BranchPrefix), TagPrefix)
	switch {
	case name == "":
		return fault.New(fault.Invalid, "a ref has no name")
	case len(ref) > maxRef:
		return fault.New(fault.Invalid, "a ref must have at most %d bytes; this one has %d", maxRef, len(ref))
	case !utf8.ValidString(ref):
		return fault.New(fault.Invalid, "a ref must be UTF-8")
	case strings.ContainsAny(ref, " ~^:?*[\\\x7f"), strings.Contains(ref, ".."), strings.Contains(ref, "@{"),
		strings.Contains(ref, "//"), strings.HasSuffix(ref, "/"), strings.HasSuffix(ref, "."):
		return fault.New(fault.Invalid, "git doesn't allow this ref name")
	}
	for _, c := range []byte(ref) {
		if c < ' ' {
			return fault.New(fault.Invalid, "git doesn't allow control characters in a ref")
		}
	}
	return nil
}
