package main

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing/fstest"
)

// overlayDir is where the patches are put that reasons show.
const overlayDir = "slipway-field-overlay"

// shownPatch is a patch in a reason.
var shownPatch = regexp.MustCompile(`overlay: patches: \[(\{.*\})\]`)

// pasted returns the kustomization file with the patches that reasons show, empty
// when they show none.
func pasted(reasons []string) string {
	var file strings.Builder
	for _, reason := range reasons {
		if found := shownPatch.FindStringSubmatch(reason); found != nil {
			file.WriteString("- " + found[1] + "\n")
		}
	}
	if file.Len() == 0 {
		return ""
	}
	return "patches:\n" + file.String()
}

// withOverlay is a repository with an overlay beside its files.
type withOverlay struct {
	fs.FS
	overlay string
}

// Open opens a file of the repository, or the overlay's.
func (w withOverlay) Open(name string) (fs.File, error) {
	if name != overlayDir && path.Dir(name) != overlayDir {
		return w.FS.Open(name)
	}
	return fstest.MapFS{overlayDir + "/kustomization.yaml": {Data: []byte(w.overlay)}}.Open(name)
}
