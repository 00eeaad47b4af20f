// Package templates holds the files that are part of the program: service
// templates, and what `slipway init` writes.
package templates

import (
	"embed"
	"io/fs"
)

//go:embed services/*.yaml
var files embed.FS

// Services returns the built-in service templates, one file each.
func Services() fs.FS {
	sub, err := fs.Sub(files, "services")
	if err != nil {
		panic("templates: " + err.Error()) // the pattern above names the directory
	}
	return sub
}
