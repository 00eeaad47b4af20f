package convert

import (
	"context"
	"fmt"
	"path"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/detect/language"
	"github.com/slipway-dev/slipway/internal/project"
)

// fromProcfile makes a service of each process, which all run one image.
func fromProcfile(_ context.Context, c *conversion) error {
	d := files.Dir{Tree: c.tree, Path: path.Dir(c.names[0])}
	service, ok := c.build(d.Path, "", "")
	if !ok {
		return nil
	}
	c.Services = append(c.Services, c.processes(d, service)...)
	return nil
}

// processes returns the services of a Procfile's processes: web, which has the
// port, and others with commands of their own.
func (c *conversion) processes(d files.Dir, service found.Service) []found.Service {
	service.Name = "web"
	own := len(service.Files) == 0
	var others []found.Service
	web := false
	for _, process := range language.Procfile(d) {
		where := fmt.Sprintf("%s:%d: %s", d.Join("Procfile"), process.Line, process.Name)
		switch process.Name {
		case "web":
			web = true
			if own {
				service.Spec.Command = language.Shell(process.Command)
			}
		case "release":
			if service.Spec.Release == nil && own {
				service.Spec.Release = &project.Hook{Command: []string{"sh", "-c", process.Command}}
			}
			if service.Spec.Release == nil {
				c.leave(where, "its command is meant for another image: give web a release command")
			}
		default:
			build := *service.Spec.Build
			other := found.Service{Name: found.Name(process.Name), Why: d.Join("Procfile") + ", " + process.Name, Held: service.Held, Secret: "web-secrets"}
			other.Spec = project.Service{Build: &build, Command: []string{"sh", "-c", process.Command}, Env: language.WithoutPort(service.Spec.Env)}
			others = append(others, other)
		}
	}
	if !web {
		c.leave(d.Join("Procfile"), "it has no process web: the service web runs what its Dockerfile starts; remove it if there is nothing to reach")
	}
	return append([]found.Service{service}, others...)
}
