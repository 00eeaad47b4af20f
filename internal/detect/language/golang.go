package language

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
)

var (
	// goPort finds the port that a program listens on.
	goPort = regexp.MustCompile(`"(?:0\.0\.0\.0|127\.0\.0\.1|localhost)?:(\d{2,5})"`)
	// goPortSetting finds settings of ports.
	goPortSetting = regexp.MustCompile(`(?i)port"?\s*[:=,]+\s*"?(\d{4,5})\b`)
	// goAddress finds the port in an address that a program listens on.
	goAddress = regexp.MustCompile(`"(?:0\.0\.0\.0|127\.0\.0\.1|localhost)?:(\d{4,5})"`)
	// localReplace finds a module that is replaced by a directory.
	localReplace = regexp.MustCompile(`=>\s*\.`)
	// moduleLine finds the last part of a module's path.
	moduleLine = regexp.MustCompile(`(?m)^module\s+\S*?([^/\s"]+?)(?:/v\d+)?"?\s*$`)
	// mainPackage finds the clause of a main package.
	mainPackage = regexp.MustCompile(`(?m)^package main\b`)
	// goServer finds what a program serves with.
	goServer = regexp.MustCompile(`ListenAndServe|http\.Serve\(|http\.Server\{|net\.Listen\(|labstack/echo|gin-gonic/gin|gofiber/fiber|go-chi/chi|grpc\.NewServer|connectrpc\.com|valyala/fasthttp`)
	// goDirective finds the version of Go that a module asks for.
	goDirective = regexp.MustCompile(`(?m)^(?:go|toolchain go)\s*1\.(\d{1,3})`)
)

const (
	// goVersion is the minor version of Go that Dockerfiles start from, unless the
	// module asks for a newer one.
	goVersion = 26
	// maxMains is how many directories are looked into for main packages.
	maxMains = 100
	// maxSources is how many sources of a program are read.
	maxSources = 2000
)

// golang recognises a Go module with a main package.
func golang(d files.Dir, service *found.Service) error {
	module := d.Text("go.mod")
	mains := goMains(d, module)
	if len(mains) == 0 {
		return errNone
	}
	service.Why += ", main package in " + d.Join(mains[0])
	if len(mains) > 1 {
		service.Hint("%s: it has more main packages (%s): each needs a service, and a Dockerfile or target, of its own", d.Join("go.mod"), strings.Join(mains[1:min(len(mains), 6)], ", "))
	}
	own := goSources(d.At(mains[0]))
	all := own
	if !goServer.MatchString(own) {
		all = d.Sources(maxSources, ".go")
	}
	if goServer.MatchString(all) || strings.Contains(own, `"net/http"`) && len(mains) == 1 {
		port := ownPort(goPort, goPortSetting, own)
		if port == 0 {
			if port = firstPort(goAddress, all); port != 0 {
				service.Hint("%s: port %d is what its sources name; correct port if it listens on another one", d.Join("go.mod"), port)
			}
		}
		if port == 0 {
			port = 8080
		}
		listen(service, port)
	} else {
		service.Hint("%s: it seems not to listen: if it does, add port and routes to slipway.yaml", d.Join(mains[0]))
	}
	if strings.Contains(all, `import "C"`) {
		service.Hint("%s: it uses cgo, which the Dockerfile switches off: if it is needed, set CGO_ENABLED=1 there and take a base image with the C libraries", d.Join(mains[0]))
	}
	return write(d, service, "go", map[string]any{
		"Version":  "1." + strconv.Itoa(max(goVersion, goMinor(module))),
		"Modules":  d.Present("go.mod", "go.sum"),
		"Download": !d.HasDirectory("vendor") && !localReplace.MatchString(module),
		"Package":  "./" + strings.TrimPrefix(mains[0], "."),
		"Port":     service.Spec.Port,
	})
}

// goMains returns the directories, below d, of main packages: the module's
// own, then those in cmd, of which the one that is called like the module comes
// first, then others.
func goMains(d files.Dir, module string) []string {
	named := firstGroup(moduleLine, module)
	var mains []string
	looked := 0
	for _, dir := range d.Directories() {
		below, inside := relative(d.Path, dir)
		if !inside || below != "." && (!found.IsPlain(below) || d.Has(path.Join(below, "go.mod")) || isTool(below)) {
			continue
		}
		if len(files.Dir{Tree: d.Tree, Path: dir}.Match("*.go")) == 0 {
			continue
		}
		if looked++; looked > maxMains {
			break
		}
		if mainPackage.MatchString(goSources(files.Dir{Tree: d.Tree, Path: dir})) {
			mains = append(mains, below)
		}
	}
	slices.SortStableFunc(mains, func(a, b string) int { return mainRank(a, named) - mainRank(b, named) })
	return mains
}

// mainRank orders main packages by how likely each is the program that is
// meant.
func mainRank(dir, named string) int {
	switch {
	case dir == ".":
		return 0
	case path.Base(dir) == named:
		return 1
	case slices.Contains([]string{"server", "api", "web", "app"}, path.Base(dir)):
		return 2
	case strings.HasPrefix(dir, "cmd/") || dir == "cmd":
		return 3
	}
	return 4
}

// isTool reports whether a directory is one of helpers, by its path.
func isTool(dir string) bool {
	for part := range strings.SplitSeq(dir, "/") {
		if slices.Contains([]string{"tools", "tool", "hack", "scripts", "script", "examples", "example", "_examples", "test", "tests", "e2e", "docs", "internal", "build", "contrib"}, part) {
			return true
		}
	}
	return false
}

// goSources returns the beginning of the sources in one directory that are no
// tests and are not left out by a build tag.
func goSources(d files.Dir) string {
	var all strings.Builder
	for _, name := range d.Match("*.go") {
		if strings.HasSuffix(name, "_test.go") || all.Len() > 4*files.MaxFile {
			continue
		}
		if text := d.Text(name); !strings.Contains(text, "//go:build ignore") {
			all.WriteString(text + "\n")
		}
	}
	return all.String()
}

// goMinor returns the minor version of Go that a module asks for.
func goMinor(module string) int {
	most := 0
	for _, match := range goDirective.FindAllStringSubmatch(module, 2) {
		if n, err := strconv.Atoi(match[1]); err == nil {
			most = max(most, n)
		}
	}
	return most
}

// relative returns a path below a directory.
func relative(dir, name string) (below string, inside bool) {
	switch {
	case dir == name:
		return ".", true
	case dir == ".":
		return name, true
	}
	return strings.CutPrefix(name, dir+"/")
}
