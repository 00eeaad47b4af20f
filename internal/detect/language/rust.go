package language

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
)

var (
	// rustPackage finds the name of a package.
	rustPackage = regexp.MustCompile(`(?ms)^\[package\][^\[]*?^name\s*=\s*"([\w-]+)"`)
	// rustBinary finds the names of a package's programs.
	rustBinary = regexp.MustCompile(`(?ms)^\[\[bin\]\][^\[]*?^name\s*=\s*"([\w-]+)"`)
	// rustPortSetting finds settings of ports.
	rustPortSetting = regexp.MustCompile(`(?i:port)\D{0,30}?(\d{4,5})\b`)
	// rustServer finds what a program serves with.
	rustServer = regexp.MustCompile(`\b(actix-web|axum|rocket|warp|hyper|tonic|poem|salvo|tide)\b|TcpListener`)
	// rustPort finds the port that a program listens on.
	rustPort = regexp.MustCompile(`(?:0\.0\.0\.0|127\.0\.0\.1|\[::\]|localhost):(\d{2,5})|\(\[\d[\d, ]*\], (\d{2,5})\)`)
)

// rust recognises a program that Cargo builds.
func rust(d files.Dir, service *found.Service) error {
	manifest := d.Text("Cargo.toml")
	program, others := rustProgram(d, manifest)
	if program == "" {
		return fmt.Errorf("no program was found in it: it has neither src/main.rs nor [[bin]]")
	}
	service.Why += ", program " + program
	if len(others) > 0 {
		service.Hint("%s: it has more programs (%s): each needs a service, and a Dockerfile or target, of its own", d.Join("Cargo.toml"), strings.Join(others, ", "))
	}
	sources := d.Sources(100, ".rs")
	if rustServer.MatchString(manifest + sources) {
		port := ownPort(rustPort, rustPortSetting, sources)
		if port == 0 {
			port = 8080
		}
		listen(service, port)
		if strings.Contains(sources, "127.0.0.1") && !strings.Contains(sources, "0.0.0.0") {
			service.Hint("%s: it seems to listen on 127.0.0.1, where nobody reaches it in a container: let it listen on 0.0.0.0", d.Join("Cargo.toml"))
		}
	} else {
		service.Hint("%s: it seems not to listen: if it does, add port and routes to slipway.yaml", d.Join("Cargo.toml"))
	}
	return write(d, service, "rust", map[string]any{"Program": program, "Locked": d.Has("Cargo.lock"), "Port": service.Spec.Port})
}

// rustProgram returns the program that is meant, and the others.
func rustProgram(d files.Dir, manifest string) (program string, others []string) {
	var all []string
	add := func(name string) {
		if name != "" && found.IsPlain(name) && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	collect := func(at files.Dir, text string) {
		for _, match := range rustBinary.FindAllStringSubmatch(text, 20) {
			add(match[1])
		}
		if at.Has("src/main.rs") {
			add(firstGroup(rustPackage, text))
		}
		for _, name := range at.Names(at.Join("src/bin")) {
			add(strings.TrimSuffix(name, ".rs"))
		}
	}
	collect(d, manifest)
	if strings.Contains(manifest, "[workspace]") {
		for _, dir := range d.Directories() {
			below, inside := relative(d.Path, dir)
			if member := (files.Dir{Tree: d.Tree, Path: dir}); inside && below != "." && !isTool(below) && strings.Count(below, "/") < 3 && member.Has("Cargo.toml") {
				collect(member, member.Text("Cargo.toml"))
			}
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	best := slices.IndexFunc(all, func(name string) bool { return strings.Contains(name, "server") || strings.Contains(name, "api") })
	if best < 0 {
		best = max(slices.Index(all, path.Base(firstGroup(rustPackage, manifest))), 0)
	}
	return all[best], slices.Delete(slices.Clone(all), best, best+1)
}
