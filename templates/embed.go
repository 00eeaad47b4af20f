package templates

import (
	"embed"
	"io/fs"
)

//go:embed services/*.yaml init/* gate/*
var files embed.FS

// Services returns the built-in service templates, one file each.
func Services() fs.FS { return subtree("services") }

// Init returns the Dockerfiles that `slipway init` fills in, one per language,
// and dockerignore.
func Init() fs.FS { return subtree("init") }

// Gate returns the pages of the gate.
func Gate() fs.FS { return subtree("gate") }

func subtree(dir string) fs.FS {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic("templates: " + err.Error()) // the pattern above names the directory
	}
	return sub
}
