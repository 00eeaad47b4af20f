package starter

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

var (
	// goPort finds the port that a program listens on.
	goPort = regexp.MustCompile(`":(\d{2,5})"`)
	// localReplace finds a module that is replaced by a directory.
	localReplace = regexp.MustCompile(`=>\s*\.`)
	// moduleLine finds the last part of a module's path.
	moduleLine = regexp.MustCompile(`(?m)^module\s+\S*?([^/\s"]+)"?\s*$`)
	// mainPackage finds the clause of a main package.
	mainPackage = regexp.MustCompile(`(?m)^package main\b`)
	// goServer finds the packages that a program serves with.
	goServer = regexp.MustCompile(`"net/http"|net\.Listen|labstack/echo|gin-gonic/gin|gofiber/fiber|go-chi/chi|google\.golang\.org/grpc|connectrpc\.com`)
	// goDirective finds the version of Go that a module asks for.
	goDirective = regexp.MustCompile(`(?m)^go\s+1\.(\d{1,3})`)
)

// goVersion is the minor version of Go that Dockerfiles start from, unless the
// module asks for a newer one.
const goVersion = 26

// golang recognises a Go module with a main package.
func (l looker) golang(dir string) (Service, bool, error) {
	module, err := l.read(path.Join(dir, "go.mod"))
	if err != nil || module == "" {
		return Service{}, false, err
	}
	mains, err := l.mains(dir, module)
	if err != nil || len(mains) == 0 {
		return Service{}, false, err
	}
	source, err := l.source(path.Join(dir, mains[0]), ".go")
	if err != nil {
		return Service{}, false, err
	}
	found := Service{Why: path.Join(dir, "go.mod") + ", main package in " + path.Join(dir, mains[0])}
	if len(mains) > 1 {
		found.notes = append(found.notes, "there are more main packages ("+strings.Join(mains[1:], ", ")+"): each needs a service, and a Dockerfile or target, of its own")
	}
	if listens(module + source) {
		if found.Port = firstPort(goPort, source); found.Port == 0 {
			found.Port = 8080
		}
		found.env = map[string]string{"PORT": strconv.Itoa(found.Port)}
	} else {
		found.notes = append(found.notes, "the program seems not to listen: if it does, add port and routes to slipway.yaml")
	}
	found.write, err = fill("go", map[string]any{
		"Version":  "1." + strconv.Itoa(max(goVersion, minor(module))),
		"Modules":  l.present(dir, "go.mod", "go.sum"),
		"Download": !l.isDir(path.Join(dir, "vendor")) && !localReplace.MatchString(module),
		"Package":  "./" + strings.TrimPrefix(mains[0], "."),
		"Port":     found.Port,
	})
	return found, true, err
}

// mains returns the directories, below dir, of main packages: the module's
// own, and those in cmd, the one that is called like the module first.
func (l looker) mains(dir, module string) ([]string, error) {
	candidates := []string{"."}
	if l.isDir(path.Join(dir, "cmd")) {
		entries, err := l.files.List(path.Join(dir, "cmd"))
		if err != nil {
			return nil, err
		}
		named := moduleLine.FindStringSubmatch(module)
		for _, e := range entries[:min(len(entries), maxDirectories)] {
			if !e.Mode.IsDir() || !plainPath(e.Name) {
				continue
			}
			if len(named) > 1 && named[1] == e.Name {
				candidates = append([]string{candidates[0], "cmd/" + e.Name}, candidates[1:]...)
				continue
			}
			candidates = append(candidates, "cmd/"+e.Name)
		}
	}
	var mains []string
	for _, candidate := range candidates {
		source, err := l.source(path.Join(dir, candidate), ".go")
		if err != nil {
			return nil, err
		}
		if mainPackage.MatchString(source) {
			mains = append(mains, candidate)
		}
	}
	return mains, nil
}

// source returns the beginning of all sources in a directory, tests left out.
func (l looker) source(dir, suffix string) (string, error) {
	entries, err := l.files.List(dir)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, e := range entries {
		if !e.Mode.IsRegular() || !strings.HasSuffix(e.Name, suffix) || strings.HasSuffix(e.Name, "_test"+suffix) || all.Len() > 4*maxFile {
			continue
		}
		text, err := l.read(path.Join(dir, e.Name))
		if err != nil {
			return "", err
		}
		all.WriteString(text + "\n")
	}
	return all.String(), nil
}

// listens reports whether a Go program or its module mentions a server.
func listens(text string) bool {
	return goServer.MatchString(text)
}

// minor returns the minor version of Go that a module asks for.
func minor(module string) int {
	match := goDirective.FindStringSubmatch(module)
	if match == nil {
		return 0
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		return 0
	}
	return n
}
