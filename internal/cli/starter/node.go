package starter

import (
	"encoding/json"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

var (
	// nodePort finds the port that a program listens on.
	nodePort = regexp.MustCompile(`PORT\s*(?:\|\||\?\?)\s*['"]?(\d{2,5})|\.listen\(\s*(\d{2,5})`)
	// nodeStart is a start script that runs one file.
	nodeStart = regexp.MustCompile(`^node\s+(\S+)$`)
)

// packageJSON is what matters here of a package.json.
type packageJSON struct {
	Main         string            `json:"main"`
	Scripts      map[string]string `json:"scripts"`
	Dependencies map[string]string `json:"dependencies"`
	Development  map[string]string `json:"devDependencies"`
}

// nodeTool is how packages are installed, by the lock file that is there.
type nodeTool struct{ lock, install, run, prune string }

func nodeTools() []nodeTool {
	return []nodeTool{
		{"pnpm-lock.yaml", "corepack enable && pnpm install --frozen-lockfile", "corepack enable && pnpm run build", ""},
		{"yarn.lock", "corepack enable && yarn install --frozen-lockfile", "corepack enable && yarn run build", ""},
		{"package-lock.json", "npm ci", "npm run build", "npm prune --omit=dev"},
		{"package.json", "npm install", "npm run build", "npm prune --omit=dev"},
	}
}

// node recognises a Node.js service, or pages that Node.js builds.
func (l looker) node(dir string) (Service, bool, error) {
	name := path.Join(dir, "package.json")
	text, err := l.read(name)
	if err != nil || text == "" {
		return Service{}, false, err
	}
	var manifest packageJSON
	if err := json.Unmarshal([]byte(text), &manifest); err != nil {
		return Service{}, false, fault.Wrap(fault.Invalid, err, "%s is not valid: %v; correct it", name, err)
	}
	command, entry := l.nodeCommand(dir, manifest)
	values := l.nodeValues(dir, manifest)
	if command == "" {
		return l.pages(name, manifest, values)
	}
	found := Service{Why: name}
	source, err := l.read(path.Join(dir, entry))
	if err != nil {
		return Service{}, false, err
	}
	if found.Port = firstPort(nodePort, source); found.Port == 0 {
		found.Port = 3000
	}
	found.env = map[string]string{"PORT": strconv.Itoa(found.Port)}
	values["Port"], values["Command"] = found.Port, command
	found.write, err = fill("node", values)
	return found, true, err
}

// nodeCommand returns what starts the service, as a JSON list, and the file
// that it starts with.
func (l looker) nodeCommand(dir string, manifest packageJSON) (command, entry string) {
	start := manifest.Scripts["start"]
	if match := nodeStart.FindStringSubmatch(strings.TrimSpace(start)); match != nil && plainPath(match[1]) {
		return list("node", match[1]), match[1]
	}
	if start != "" {
		return list("npm", "start"), manifest.Main
	}
	for _, candidate := range append([]string{manifest.Main}, "server.js", "index.js", "app.js", "server.mjs", "index.mjs") {
		if candidate != "" && plainPath(candidate) && l.isFile(path.Join(dir, candidate)) {
			return list("node", candidate), candidate
		}
	}
	return "", ""
}

// nodeValues says how packages are installed and what is built.
func (l looker) nodeValues(dir string, manifest packageJSON) map[string]any {
	values := map[string]any{}
	for _, tool := range nodeTools() {
		if !l.isFile(path.Join(dir, tool.lock)) {
			continue
		}
		if len(manifest.Dependencies)+len(manifest.Development) > 0 {
			values["Install"], values["Prune"] = tool.install, tool.prune
			values["Manifests"] = l.present(dir, "package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc", ".yarnrc.yml")
		}
		if manifest.Scripts["build"] != "" {
			values["Build"] = tool.run
		}
		break
	}
	return values
}

// pages are a site that is built once and then only served.
func (l looker) pages(name string, manifest packageJSON, values map[string]any) (Service, bool, error) {
	if values["Build"] == nil {
		return Service{}, false, nil
	}
	values["Output"], values["Port"] = "dist", 8080
	if _, found := manifest.Dependencies["react-scripts"]; found {
		values["Output"] = "build"
	}
	text, err := fill("pages", values)
	return Service{
		Why: name + ", pages made by its build script", Port: 8080, health: "/", write: text,
		notes: []string{"the pages are taken from " + values["Output"].(string) + "/ after npm run build: correct the Dockerfile if they are elsewhere"},
	}, true, err
}
