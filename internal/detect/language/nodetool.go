package language

import (
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
)

const (
	// nodeDefault is the version of Node.js where nothing asks for another one.
	nodeDefault = 24
	// nodeLeast and nodeMost are the versions that images are there of.
	nodeLeast, nodeMost = 18, 24
	// maxMembers is how many members of a workspace are copied one by one.
	maxMembers = 40
)

// nodeTool is a package manager.
type nodeTool struct{ name, lock, prune string }

// toolOf returns the package manager of a directory, by the lock file that is
// there, or what package.json names.
func toolOf(d files.Dir) nodeTool {
	m, _ := readManifest(d) // one that can't be read names none
	tools := []nodeTool{
		{"bun", "bun.lock", ""}, {"bun", "bun.lockb", ""}, {"pnpm", "pnpm-lock.yaml", "pnpm prune --prod --ignore-scripts"},
		{"yarn", "yarn.lock", ""}, {"npm", "package-lock.json", "npm prune --omit=dev"}, {"npm", "npm-shrinkwrap.json", "npm prune --omit=dev"},
	}
	for _, tool := range tools {
		if d.Has(tool.lock) {
			return tool
		}
	}
	named, _, _ := strings.Cut(m.PackageManager, "@")
	for _, tool := range tools {
		if tool.name == named {
			return nodeTool{name: tool.name, prune: tool.prune}
		}
	}
	return nodeTool{name: "npm", prune: "npm prune --omit=dev"}
}

// image returns the image that the tool runs in.
func (t nodeTool) image(version int) string {
	if t.name == "bun" {
		return "oven/bun:1-slim"
	}
	return "node:" + strconv.Itoa(version) + "-slim"
}

// setup returns what makes the tool available.
func (t nodeTool) setup(root files.Dir) string {
	if t.name == "pnpm" || t.name == "yarn" && !t.classic(root) {
		return "corepack enable"
	}
	return ""
}

// classic reports whether a directory's yarn is that of version 1, which is in
// the image.
func (t nodeTool) classic(root files.Dir) bool {
	text := root.Text("yarn.lock")
	return text == "" || strings.Contains(text[:min(len(text), 300)], "yarn lockfile v1")
}

// install returns the command that installs exactly what the lock file says.
func (t nodeTool) install(root files.Dir) string {
	locked := t.lock != ""
	switch {
	case t.name == "bun" && locked:
		return "bun install --frozen-lockfile"
	case t.name == "pnpm" && locked:
		return "pnpm install --frozen-lockfile"
	case t.name == "yarn" && locked && t.classic(root):
		return "yarn install --frozen-lockfile"
	case t.name == "yarn" && locked:
		return "yarn install --immutable"
	case t.name == "npm" && locked:
		return "npm ci"
	}
	return t.name + " install"
}

// run returns the command that builds what is in a directory.
func (t nodeTool) run(directory string) string {
	command := t.name + " run build"
	if directory != "." {
		return "cd " + directory + " && " + command
	}
	return command
}

// nodeVersion returns the major version that a program asks for.
func nodeVersion(d, root files.Dir, m manifest) int {
	texts := []string{d.Text(".nvmrc"), d.Text(".node-version"), toolVersion(d, "nodejs"), m.Engines["node"]}
	if root.Path != d.Path {
		above, _ := readManifest(root) // one that can't be read names none
		texts = append(texts, root.Text(".nvmrc"), root.Text(".node-version"), above.Engines["node"])
	}
	for _, text := range texts {
		if number, err := strconv.Atoi(firstGroup(majorVersion, text)); err == nil {
			if open := strings.HasPrefix(strings.TrimSpace(text), ">") && !strings.Contains(text, "<"); open {
				number = max(number, nodeDefault)
			}
			return min(max(number, nodeLeast), nodeMost)
		}
	}
	return nodeDefault
}

// toolVersion returns what .tool-versions says of a tool.
func toolVersion(d files.Dir, tool string) string {
	for line := range strings.Lines(d.Text(".tool-versions")) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == tool {
			return words[1]
		}
	}
	return ""
}

// workspaceRoot returns the directory of the workspace that a directory is a
// member of, itself where it is of none.
func workspaceRoot(d files.Dir) files.Dir {
	for above := path.Dir(d.Path); d.Path != "."; above = path.Dir(above) {
		root := files.Dir{Tree: d.Tree, Path: above}
		if slices.Contains(members(root), d.Path) {
			return root
		}
		if above == "." {
			break
		}
	}
	return d
}

// members returns the directories of a workspace's members, sorted.
func members(root files.Dir) []string {
	patterns := workspacePatterns(root)
	if len(patterns) == 0 {
		return nil
	}
	var all []string
	for _, dir := range root.Directories() {
		below, inside := relative(root.Path, dir)
		if !inside || below == "." || !(files.Dir{Tree: root.Tree, Path: dir}).Has("package.json") {
			continue
		}
		taken := false
		for _, pattern := range patterns {
			pattern, without := strings.CutPrefix(pattern, "!")
			if matches(strings.TrimSuffix(strings.TrimPrefix(pattern, "./"), "/"), below) {
				taken = !without
			}
		}
		if taken {
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	return all
}

// workspacePatterns returns the patterns of a workspace's members.
func workspacePatterns(root files.Dir) []string {
	var named struct {
		Packages []string `yaml:"packages"`
	}
	if text := root.Text("pnpm-workspace.yaml"); text != "" && len(text) < files.MaxFile && yaml.Unmarshal([]byte(text), &named) == nil && len(named.Packages) > 0 {
		return named.Packages
	}
	m, err := readManifest(root)
	if err != nil {
		return nil
	}
	list, isList := m.Workspaces.([]any)
	if object, is := m.Workspaces.(map[string]any); is {
		list, isList = object["packages"].([]any)
	}
	if !isList {
		return nil
	}
	var patterns []string
	for _, one := range list {
		if pattern, is := one.(string); is {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// matches reports whether a path matches a pattern, in which ** is any number
// of directories.
func matches(pattern, name string) bool {
	if before, after, found := strings.Cut(pattern, "**"); found {
		return strings.HasPrefix(name, before) && (after == "" || strings.HasSuffix(name, strings.TrimPrefix(after, "/")) || strings.TrimPrefix(after, "/") == "*")
	}
	matched, err := path.Match(pattern, name)
	return err == nil && matched
}

// lifecycle finds scripts that run while packages are installed.
var lifecycle = regexp.MustCompile(`^(preinstall|install|postinstall|prepare)$`)

// manifests returns what is copied before packages are installed, so that they
// are installed anew only when that changes: everything, where scripts run
// while they are installed.
func (p *nodeProgram) manifests() []string {
	all := p.root.Present("package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml", "bun.lock", "bun.lockb", ".npmrc", ".yarnrc.yml", ".pnpmfile.cjs")
	copies := []string{strings.Join(all, " ") + " ./"}
	inside := members(p.root)
	if p.root.HasDirectory("patches") || p.root.HasDirectory(".yarn/releases") || p.root.HasDirectory(".yarn/patches") || len(inside) > maxMembers {
		return []string{". ."}
	}
	for _, dir := range append([]string{p.root.Path}, inside...) {
		member := files.Dir{Tree: p.root.Tree, Path: dir}
		m, err := readManifest(member)
		below, _ := relative(p.root.Path, dir)
		if err != nil || !found.IsPlain(below) || slices.ContainsFunc(keys(m.Scripts), lifecycle.MatchString) || m.needsFiles() {
			return []string{". ."}
		}
		if below != "." {
			copies = append(copies, below+"/package.json "+below+"/")
		}
	}
	return copies
}

// needsFiles reports whether packages are directories of the repository.
func (m manifest) needsFiles() bool {
	for _, all := range []map[string]string{m.Dependencies, m.DevDependencies} {
		for _, version := range all {
			if strings.HasPrefix(version, "file:") || strings.HasPrefix(version, "link:") || strings.HasPrefix(version, "portal:") {
				return true
			}
		}
	}
	return false
}

// keys returns the keys of a map, in no order.
func keys(of map[string]string) []string {
	var all []string
	for key := range of {
		all = append(all, key)
	}
	return all
}

// asType reports whether JSON was valid but for the type of a value.
func asType(err error, as **json.UnmarshalTypeError) bool { return errors.As(err, as) }
