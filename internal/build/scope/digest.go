package scope

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"
	"path"
)

// Digests returns a digest of the files that the build may read, by source. Equal ones
// mean equal names, types, modes and contents. Errors are those of reading the tree.
func (s *Selection) Digests(ctx context.Context) (map[string]string, error) {
	made := make(map[string]string, len(s.roots))
	for source, roots := range s.roots {
		sum := sha256.New()
		add := func(name string, _ fs.FileMode) error { return s.add(sum, name) }
		var err error
		if s.ignore == nil {
			for i := 0; i < len(roots) && err == nil; i++ {
				err = s.add(sum, roots[i]) // the id of a directory is that of all in it
			}
		} else {
			err = s.walkAll(ctx, roots, s.files(sum, add))
		}
		if err != nil {
			return nil, err
		}
		made[source] = hex.EncodeToString(sum.Sum(nil))
	}
	return made, nil
}

// files adds files by their ids and directories by their names, because a directory's
// id is also that of what is left out of it.
func (s *Selection) files(sum hash.Hash, add Visit) Visit {
	return func(name string, mode fs.FileMode) error {
		if mode.IsDir() {
			fmt.Fprintf(sum, "directory %d:%s\n", len(name), name)
			return nil
		}
		return add(name, mode)
	}
}

func (s *Selection) add(sum hash.Hash, name string) error {
	mode, id, err := s.tree.Entry(path.Join(s.context, name))
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%v %s %d:%s\n", mode, id, len(name), name)
	return nil
}
