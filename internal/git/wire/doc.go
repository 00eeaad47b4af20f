// Package wire is a client of git's upload-pack protocol over smart HTTP and
// ssh: it lists a remote's refs and copies a pack, within git.Limits. It
// encodes and decodes with go-git's parts, but makes the connections and the
// requests itself; README.md of the room git says why.
//
// It must not know where packs are kept, nor anything of forges, projects or
// stages.
package wire
