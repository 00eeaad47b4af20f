package git

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

// What reading objects can meet, from a server or from disk.
var (
	ErrDamaged  = errors.New("the mirror is damaged")                // bytes are not what their id or format says
	ErrTooLarge = errors.New("the server sends more than the limit") // an object, a pack or an answer
)

// ObjectBytes copies an object's content. The error is ErrTooLarge when it has
// more than limit bytes.
func ObjectBytes(object plumbing.EncodedObject, limit int64) ([]byte, error) {
	if object.Size() > limit {
		return nil, fmt.Errorf("object %s has %d bytes, more than the limit of %d: %w", object.Hash(), object.Size(), limit, ErrTooLarge)
	}
	r, err := object.Reader()
	if err != nil {
		return nil, fmt.Errorf("open object %s: %w", object.Hash(), err)
	}
	defer func() { _ = r.Close() }()
	data := make([]byte, object.Size())
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("read object %s: %w", object.Hash(), err)
	}
	return data, nil
}

// RecoverAs turns a panic of go-git's decoders on hostile bytes into an error
// that is ErrDamaged. It is deferred.
func RecoverAs(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the pack reader panicked: %v: %w", r, ErrDamaged)
	}
}
