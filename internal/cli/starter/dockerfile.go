package starter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"text/template"

	"github.com/slipway-dev/slipway/templates"
)

var (
	// fromLine finds the beginning of each stage of a Dockerfile.
	fromLine = regexp.MustCompile(`(?im)^[ \t]*FROM[ \t]`)
	// exposeLine finds the port that a Dockerfile exposes.
	exposeLine = regexp.MustCompile(`(?im)^[ \t]*EXPOSE[ \t]+(\d{1,5})\b`)
)

// fill makes a Dockerfile for a language.
func fill(language string, values any) ([]byte, error) {
	name := language + ".Dockerfile"
	parsed, err := template.ParseFS(templates.Init(), name)
	if err != nil {
		return nil, fmt.Errorf("read the template %s: %w", name, err)
	}
	var made bytes.Buffer
	if err := parsed.Execute(&made, values); err != nil {
		return nil, fmt.Errorf("fill the template %s: %w", name, err)
	}
	return made.Bytes(), nil
}

func dockerignore() ([]byte, error) {
	data, err := fs.ReadFile(templates.Init(), "dockerignore")
	if err != nil {
		return nil, fmt.Errorf("read the template dockerignore: %w", err)
	}
	return data, nil
}

// dockerfile recognises a directory that brings its own Dockerfile.
func (l looker) dockerfile(dir string) (Service, bool, error) {
	name := path.Join(dir, "Dockerfile")
	if !l.isFile(name) {
		return Service{}, false, nil
	}
	text, err := l.read(name)
	if err != nil {
		return Service{}, false, err
	}
	found := Service{Why: name, Port: exposed(text)}
	if found.Port == 0 {
		found.notes = append(found.notes, name+" has no EXPOSE: if the service listens, add port and routes to slipway.yaml")
	}
	return found, true, nil
}

// exposed returns the first port that the last image of a Dockerfile exposes.
func exposed(text string) int {
	if froms := fromLine.FindAllStringIndex(text, -1); len(froms) > 0 {
		text = text[froms[len(froms)-1][0]:]
	}
	return firstPort(exposeLine, text)
}

// firstPort returns the first number that the expression's group finds and
// that is a port.
func firstPort(expression *regexp.Regexp, text string) int {
	for _, match := range expression.FindAllStringSubmatch(text, 50) {
		for _, group := range match[1:] {
			if port, err := strconv.Atoi(group); err == nil && port > 0 && port < 1<<16 {
				return port
			}
		}
	}
	return 0
}

// list writes words as the JSON list of a Dockerfile's CMD.
func list(words ...string) string {
	text, err := json.Marshal(words)
	if err != nil { // strings always marshal
		return "[]"
	}
	return string(text)
}
