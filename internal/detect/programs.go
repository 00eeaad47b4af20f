package detect

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/detect/language"
	"github.com/slipway-dev/slipway/internal/detect/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// programs finds what is built: Dockerfiles, and programs without one.
type programs struct {
	*maker
	dockerfiles []source.Dockerfile
	builds      []string // Dockerfiles that are used already
	taken       []string // directories
	refusals    []language.Refusal
}

// find takes the program at the top, else those of the directories below.
func (p *programs) find() {
	before := len(p.services)
	p.top()
	if len(p.services) == before {
		p.below()
	}
	if len(p.services) == before {
		for _, refusal := range p.refusals {
			p.leave(refusal.Path, "%s", refusal.Reason)
		}
	}
	p.nameDockerfiles("another image is built instead: add a service with build: {context: …, dockerfile: …} if it is one of its own")
	if before > 0 && len(p.services) > before {
		p.hint("the program reaches the Compose file's services by their names: set its variables accordingly (env, or secrets)")
	}
	p.nameInner()
}

// top takes what is at the repository's top: its Dockerfiles, one in a
// directory for such files, or a program.
func (p *programs) top() {
	var own, other []source.Dockerfile
	for _, d := range p.dockerfiles {
		switch {
		case d.Purpose != "" || p.used(d):
		case path.Dir(d.Path) == ".":
			own = append(own, d)
		case d.Context == "." && source.ForImages(path.Dir(d.Path)):
			other = append(other, d)
		}
	}
	if len(own) == 0 {
		own = p.exposing(other)
	}
	if len(own) > 0 {
		p.takeDockerfiles(".", own)
		return
	}
	p.takeProgram(files.Dir{Tree: p.tree, Path: "."}, "web")
}

// exposing returns those Dockerfiles that name a port, all when none does.
func (p *programs) exposing(all []source.Dockerfile) []source.Dockerfile {
	var some []source.Dockerfile
	for _, d := range all {
		if service := d.Service(p.tree); service.Spec.Port != 0 {
			some = append(some, d)
		}
	}
	if len(some) == 0 {
		return all
	}
	return some
}

// takeDockerfiles takes the Dockerfile of a directory, or where it has several
// that are called after what they are for, each of these.
func (p *programs) takeDockerfiles(dir string, all []source.Dockerfile) {
	chosen := all
	if at := slices.IndexFunc(all, func(d source.Dockerfile) bool { return d.Called == "" }); at >= 0 {
		chosen = all[at : at+1]
	} else if !slices.ContainsFunc(all, source.Dockerfile.IsPart) {
		at := max(slices.IndexFunc(all, func(d source.Dockerfile) bool { return strings.HasPrefix(strings.ToLower(d.Called), "prod") }), 0)
		chosen = all[at : at+1]
	}
	for _, d := range chosen {
		service := d.Service(p.tree)
		p.guessPort(d, &service)
		switch {
		case len(chosen) > 1 && d.Called != "":
			service.Name = found.Name(d.Called)
		case dir == ".":
			service.Name = "web"
		default:
			service.Name = found.Name(path.Base(dir))
		}
		p.taken, p.builds = append(p.taken, dir), append(p.builds, d.Path)
		p.services = append(p.services, service)
	}
	for _, d := range all {
		if !p.used(d) {
			p.leave(d.Path, "%s is built instead: name it in build.dockerfile if it is to be this one", chosen[0].Path)
			p.builds = append(p.builds, d.Path)
		}
	}
}

// guessPort takes the port from the sources where the Dockerfile says none.
func (p *programs) guessPort(d source.Dockerfile, service *found.Service) {
	if service.Spec.Port != 0 {
		return
	}
	program, ok, _ := language.Program(files.Dir{Tree: p.tree, Path: d.Context})
	if !ok || program.Spec.Port == 0 {
		return
	}
	service.Listen(program.Spec.Port)
	service.SetEnv("PORT", program.Spec.Env["PORT"])
	if program.Spec.Env["PORT"] == "" {
		delete(service.Spec.Env, "PORT")
	}
	service.Hint("%s: it has no EXPOSE, and port %d is what the sources seem to listen on; correct port if it is another one", d.Path, program.Spec.Port)
	service.Hints = slices.DeleteFunc(service.Hints, func(hint string) bool {
		return strings.Contains(hint, "it has no EXPOSE: if") || strings.Contains(hint, "names no port that is known")
	})
}

// takeProgram takes the program of a directory, and the further processes of
// its Procfile.
func (p *programs) takeProgram(d files.Dir, name string) {
	service, ok, refusals := language.Program(d)
	if !ok {
		p.refusals = append(p.refusals, refusals...)
		return
	}
	if clash := p.exists(service); clash != "" {
		p.leave(service.Why, "%s is there, and is not overwritten", clash)
		return
	}
	service.Name = name
	p.taken = append(p.taken, d.Path)
	others, left := language.Others(d, service)
	for _, refusal := range left {
		p.leave(refusal.Path, "%s", refusal.Reason)
	}
	p.services = append(append(p.services, service), others...)
	p.seen = append(p.seen, "a program: "+service.Why)
}

// exists returns a file that would be written and is there already.
func (p *programs) exists(service found.Service) string {
	for name := range service.Files {
		if p.tree.Has(name) {
			return name
		}
	}
	return ""
}

// below takes one service of each directory that holds a program, those above
// first, and looks no deeper there.
func (p *programs) below() {
	inDirectory := map[string][]source.Dockerfile{}
	for _, d := range p.dockerfiles {
		if d.Purpose == "" && !p.used(d) {
			inDirectory[path.Dir(d.Path)] = append(inDirectory[path.Dir(d.Path)], d)
		}
	}
	for _, dir := range p.tree.Directories() {
		if dir == "." || p.inside(dir) || source.Purpose(dir) != "" || operations(dir) || strings.HasPrefix(dir, ".") {
			continue
		}
		if len(p.services) >= maxServices {
			p.hint("there are more programs than the %d that are taken at once: add those of %s and further directories by hand", maxServices, dir)
			return
		}
		if all := inDirectory[dir]; len(all) > 0 {
			p.takeDockerfiles(dir, all)
			continue
		}
		p.takeProgram(files.Dir{Tree: p.tree, Path: dir}, found.Name(path.Base(dir)))
	}
}

// operations reports whether a directory is for those who run the programs, and
// holds none.
func operations(dir string) bool {
	for part := range strings.SplitSeq(dir, "/") {
		if slices.Contains([]string{"deploy", "deployment", "deployments", "kubernetes", "k8s", "infra", "infrastructure", "terraform", "ansible", "packaging", "charts", "helm"}, part) {
			return true
		}
	}
	return false
}

// inside reports whether a directory is in one that is taken.
func (p *programs) inside(dir string) bool {
	return slices.ContainsFunc(p.taken, func(taken string) bool { return taken == "." || tree.Inside(taken, dir) })
}

func (p *programs) used(d source.Dockerfile) bool { return slices.Contains(p.builds, d.Path) }

// nameDockerfiles names every Dockerfile that is not used.
func (p *programs) nameDockerfiles(reason string) {
	for _, d := range p.dockerfiles {
		switch {
		case p.used(d):
		case d.Purpose != "":
			p.leave(d.Path, "by its name it is for development, tests or documentation (%s)", d.Purpose)
		default:
			p.leave(d.Path, "%s", reason)
		}
	}
}

// nameInner names programs in directories below one that is taken at the top:
// they may be its own pages, or something else.
func (p *programs) nameInner() {
	if !slices.Contains(p.taken, ".") {
		return
	}
	for _, dir := range p.tree.Directories() {
		if dir == "." || strings.Count(dir, "/") > 1 || source.Purpose(dir) != "" || strings.HasPrefix(dir, ".") {
			continue
		}
		if slices.ContainsFunc(p.dockerfiles, func(d source.Dockerfile) bool { return path.Dir(d.Path) == dir }) {
			continue
		}
		d := files.Dir{Tree: p.tree, Path: dir}
		if service, ok, _ := language.Program(d); ok && !strings.HasSuffix(service.Why, ".html") && !strings.HasSuffix(service.Why, ".php") {
			p.leave(service.Why, "it is taken for a part of what is at the top: add a service with build: {context: %s}, and a Dockerfile there, if it is one of its own", dir)
		}
	}
}
