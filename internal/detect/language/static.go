package language

import (
	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

// pagesPort is what images that only serve pages listen on.
const pagesPort = 8080

// static recognises pages that are served as they are.
func static(d files.Dir, service *found.Service) error {
	pages := "."
	if !d.Has("index.html") {
		pages = "public"
	}
	service.Listen(pagesPort)
	service.Spec.Health = &project.Health{Path: "/"}
	return write(d, service, "static", map[string]any{"Pages": pages, "Port": pagesPort})
}
