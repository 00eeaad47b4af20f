package language

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

var (
	// nodePort finds the port that a program listens on.
	nodePort = regexp.MustCompile(`PORT['"\])]*\s*(?:,|\|\||\?\?)\s*['"]?(\d{2,5})|\.listen\(\s*(\d{2,5})`)
	// nodePortSetting finds settings of ports.
	nodePortSetting = regexp.MustCompile(`\bport\s*[:=]\s*(\d{4,5})\b`)
	// nodeServer finds what a program serves with.
	nodeServer = regexp.MustCompile(`\.listen\(|createServer\(|Bun\.serve|Deno\.serve|\bserve\(\s*\{`)
	// portOption finds the port in the options of a command.
	portOption = regexp.MustCompile(`(?:^|\s)(?:-p|--port|-l|--listen|PORT=)[= ]?(?:tcp://)?(?:[\w.]+:)?(\d{2,5})\b|\bPORT=(\d{2,5})\b`)
	// majorVersion finds the first number of a version or of a range of them.
	majorVersion = regexp.MustCompile(`(\d{1,3})`)
	// delegates finds commands that start members of a workspace.
	delegates = regexp.MustCompile(`\b(turbo|nx|lerna|rush)\b|pnpm .*(-r|--recursive|--filter|-F)\b|--workspaces?\b|-w |yarn workspace|npm .*--prefix|concurrently|npm-run-all|run-p`)
	// runsScript finds the scripts that a command runs.
	runsScript = regexp.MustCompile(`\b(?:npm run|yarn run|pnpm run|bun run|yarn|pnpm) ([\w:.-]+)`)
	// builds finds commands that build.
	builds = regexp.MustCompile(`\b(build|compile|tsc|webpack|vite|rollup|esbuild)\b`)
	// startFile is a command that runs one file.
	startFile = regexp.MustCompile(`^node\s+((?:--[\w=./-]+\s+)*)([\w@./-]+)$`)
)

// nodePortDefault is what services listen on that say nothing else.
const nodePortDefault = 3000

// manifest is what matters here of a package.json.
type manifest struct {
	Name            string            `json:"name"`
	Main            string            `json:"main"`
	Scripts         map[string]string `json:"scripts"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	Engines         map[string]string `json:"engines"`
	PackageManager  string            `json:"packageManager"`
	Workspaces      any               `json:"workspaces"`
}

// needs reports whether a package is among the dependencies.
func (m manifest) needs(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, needed := m.Dependencies[name]
		_, develops := m.DevDependencies[name]
		return needed || develops
	})
}

// readManifest reads a package.json; its unusual parts are left empty.
func readManifest(d files.Dir) (manifest, error) {
	var m manifest
	err := json.Unmarshal([]byte(d.Text("package.json")), &m)
	var wrongType *json.UnmarshalTypeError
	if err != nil && !asType(err, &wrongType) {
		return m, fmt.Errorf("%s is not valid: %w; correct it", d.Join("package.json"), err)
	}
	return m, nil
}

// nodeProgram is a program of Node.js while it is looked at.
type nodeProgram struct {
	d        files.Dir
	m        manifest
	root     files.Dir // of its workspace; the program's own directory where there is none
	tool     nodeTool
	service  *found.Service
	image    string
	keepsDev bool // what is installed for development is needed when it runs
}

// node recognises a program of Node.js, or pages that Node.js builds.
func node(d files.Dir, service *found.Service) error {
	m, err := readManifest(d)
	if err != nil {
		return err
	}
	p := &nodeProgram{d: d, m: m, root: workspaceRoot(d), service: service}
	p.tool = toolOf(p.root)
	p.image = p.tool.image(nodeVersion(d, p.root, m))
	if p.root.Path != d.Path {
		service.Spec.Build.Context = p.root.Path
		service.Why += ", in the workspace of " + p.root.Join("package.json")
	}
	if web := webCommand(d); web != "" && !strings.Contains(web, "$(") {
		return p.serve(list(Shell(web)...), firstPort(portOption, web))
	}
	for _, framework := range frameworks() {
		if m.needs(framework.packages...) && !framework.isIn(d) && strings.HasPrefix(m.Scripts["start"], framework.packages[0]+" ") {
			return fmt.Errorf("it starts %s, and holds no pages of it", framework.name)
		}
		if m.needs(framework.packages...) && framework.isIn(d) {
			kind := framework.describe(d, m)
			service.Why += ", " + framework.name
			return p.framework(framework, kind)
		}
	}
	return p.program()
}

// framework writes what a framework's program or pages need.
func (p *nodeProgram) framework(f framework, kind output) error {
	if kind.hint != "" {
		p.service.Hint("%s: %s", p.d.Join("package.json"), kind.hint)
	}
	if kind.pages != "" {
		return p.pages(kind)
	}
	command := kind.command
	if command == "" {
		script := p.script(productionScripts()...)
		if script == "" {
			return fmt.Errorf("%s is used, and no script starts it: add a start script", f.name)
		}
		command = p.npm(script)
		kind.port = max(kind.port, firstPort(portOption, p.m.Scripts[script]))
		if fixed := firstPort(portOption, p.m.Scripts[script]); fixed != 0 {
			kind.port = fixed
		}
	}
	return p.serve(command, kind.port)
}

// program is one without a framework that says how it is started.
func (p *nodeProgram) program() error {
	if script := p.script(productionScripts()...); script != "" {
		if len(members(p.d)) > 0 && delegates.MatchString(p.resolve(script, 5)) {
			return fmt.Errorf("it is the top of a workspace, whose members are the programs")
		}
		return p.started(script)
	}
	for _, candidate := range append([]string{p.m.Main}, "server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "src/index.js", "src/server.js") {
		if candidate != "" && found.IsPlain(candidate) && p.d.Has(candidate) && p.runs(candidate) {
			return p.serve(list("node", candidate), ownPort(nodePort, nodePortSetting, p.d.Text(candidate)))
		}
	}
	if bundler, pages := bundlerOf(p.d, p.m); pages.pages != "" && p.m.Scripts["build"] != "" && p.d.First("index.html", "public/index.html", "src/index.html") != "" {
		p.service.Why += ", " + bundler
		return p.pages(pages)
	}
	return errNone
}

// runs reports whether an entry is a program, and not the entry of a library.
func (p *nodeProgram) runs(entry string) bool {
	return entry != p.m.Main || p.service.Spec.Build.Context == p.d.Path && (nodeServer.MatchString(p.d.Text(entry)) || p.m.needs(nodeServers()...) || p.m.Scripts["build"] == "")
}

// productionScripts are the names of scripts that start a service, the best
// first.
func productionScripts() []string {
	return []string{"start:prod", "start:production", "start", "serve:prod", "prod", "production", "serve"}
}

// script returns the first of the scripts that is there and starts no
// development server.
func (p *nodeProgram) script(names ...string) string {
	for _, name := range names {
		text := p.resolve(name, 5)
		if text == "" {
			continue
		}
		if develops(text) {
			p.service.Hint("%s: the script %s starts a development server (%.60s), and is not used", p.d.Join("package.json"), name, text)
			continue
		}
		return name
	}
	return ""
}

// resolve returns the text of a script, following one that only runs another.
func (p *nodeProgram) resolve(name string, depth int) string {
	text := strings.TrimSpace(p.m.Scripts[name])
	words := strings.Fields(text)
	if depth == 0 || len(words) < 2 || len(words) > 3 || !slices.Contains([]string{"npm", "yarn", "pnpm", "bun"}, words[0]) {
		return text
	}
	if other := p.resolve(words[len(words)-1], depth-1); other != "" {
		return other
	}
	return text
}

// develops reports whether a command is for a developer's machine.
func develops(command string) bool {
	words := " " + strings.Join(strings.Fields(command), " ") + " "
	for _, sign := range []string{
		"react-scripts start", "next dev", "nuxt dev", "nuxi dev", "nodemon", "ts-node-dev", "tsx watch", "ng serve", "ng s ", "vue-cli-service serve", "webpack-dev-server",
		"webpack serve", "gatsby develop", "astro dev", "astro preview", "vite preview", "vite dev", "svelte-kit dev", "remix dev", "nest start", "expo start", "node --watch", "http-server", "storybook",
		"docusaurus start", "vitepress dev", "parcel serve", "live-server", "craco start", "rsbuild dev", "strapi develop", "bun --watch", "bun --hot", "eleventy --serve", " serve -s", " serve build", " serve dist", "concurrently",
	} {
		if strings.Contains(words, sign) {
			return true
		}
	}
	last := words[strings.LastIndex(strings.TrimSuffix(words, " "), "&& ")+1:]
	return strings.TrimSpace(words) == "vite" || strings.HasPrefix(strings.TrimSpace(words), "vite --") || strings.HasPrefix(strings.TrimSpace(last), "parcel ") && !strings.Contains(last, "build")
}

// expand returns a command with the scripts that it runs.
func (p *nodeProgram) expand(command string) string {
	all := command
	for _, match := range runsScript.FindAllStringSubmatch(command, 20) {
		all += " && " + p.resolve(match[1], 5)
	}
	return all
}

// started serves by a script.
func (p *nodeProgram) started(script string) error {
	text := p.resolve(script, 5)
	port := firstPort(portOption, text)
	if strings.ContainsAny(text, "&;") && builds.MatchString(p.expand(text)) {
		p.keepsDev = true
		p.service.Hint("%s: the script %s builds each time that the service starts, which is slow: let build do it", p.d.Join("package.json"), script)
	}
	if match := startFile.FindStringSubmatch(text); match != nil && found.IsPlain(match[2]) {
		words := append(append([]string{"node"}, strings.Fields(match[1])...), match[2])
		if port == 0 {
			port = ownPort(nodePort, nodePortSetting, p.d.Text(match[2]))
		}
		return p.serve(list(words...), port)
	}
	return p.serve(p.npm(script), port)
}

// npm returns the command that runs a script. It starts no package manager
// that would have to be fetched first: npm and bun are in their images.
func (p *nodeProgram) npm(script string) string {
	switch {
	case p.tool.name == "bun":
		return list("bun", "run", script)
	case script == "start":
		return list("npm", "start")
	}
	return list("npm", "run", script)
}

// serve writes the Dockerfile of a program that runs.
func (p *nodeProgram) serve(command string, port int32) error {
	sources := ""
	if port == 0 {
		sources = p.d.Sources(100, ".js", ".ts", ".mjs", ".cjs", ".tsx")
		port = ownPort(nodePort, nodePortSetting, sources)
	}
	if port == 0 && !p.m.needs(nodeServers()...) && !nodeServer.MatchString(sources) {
		p.service.Hint("%s: the program seems not to listen: if it does, add port and routes to slipway.yaml", p.d.Join("package.json"))
	} else {
		if port == 0 {
			port = nodePortDefault
		}
		listen(p.service, port)
	}
	p.hooks()
	values := p.values()
	values["Port"], values["Command"] = p.service.Spec.Port, command
	return write(p.d, p.service, "node", values)
}

// hooks names what has to happen before a version runs.
func (p *nodeProgram) hooks() {
	switch {
	case p.service.Spec.Release != nil:
	case p.d.HasDirectory("prisma/migrations") && p.m.needs("prisma"):
		p.keepsDev = true
		p.service.Spec.Release = &project.Hook{Command: []string{"npx", "prisma", "migrate", "deploy"}}
	}
	if p.m.needs("@prisma/client") && p.tool.name != "bun" {
		p.service.Hint("%s: Prisma needs DATABASE_URL: put it into a Secret of the stage", p.d.Join("package.json"))
	}
}

// pages writes the Dockerfile of pages that are built once and then served.
func (p *nodeProgram) pages(kind output) error {
	if p.m.Scripts["build"] == "" {
		return fmt.Errorf("its pages need a build script: add one")
	}
	if !found.IsPlain(kind.pages) {
		return fmt.Errorf("its pages go to %.60q, which no Dockerfile can name; choose another directory", kind.pages)
	}
	p.service.Listen(pagesPort)
	p.service.Spec.Health = &project.Health{Path: "/"}
	p.service.Hint("the pages are taken from %s after the build: correct the Dockerfile if they are elsewhere", path.Join(p.d.Path, kind.pages)+"/")
	values := p.values()
	values["Output"], values["Port"], values["Single"] = path.Join(values["Directory"].(string), kind.pages), pagesPort, kind.single
	return write(p.d, p.service, "pages", values)
}

// values says how packages are installed and what is built.
func (p *nodeProgram) values() map[string]any {
	directory, _ := relative(p.root.Path, p.d.Path)
	values := map[string]any{"Image": p.image, "Directory": "", "Setup": p.tool.setup(p.root)}
	if directory != "." {
		values["Directory"] = directory
	}
	if install := p.tool.install(p.root); install != "" && p.installs() {
		values["Install"] = install
		values["Copies"] = p.manifests()
	}
	if p.m.Scripts["build"] != "" {
		values["Build"] = p.tool.run(directory)
		p.publicVariables()
	}
	if prune := p.tool.prune; prune != "" && values["Install"] != nil && directory == "." && len(members(p.root)) == 0 && !p.keepsDev {
		values["Prune"] = prune
	}
	return values
}

// installs reports whether there is anything to install.
func (p *nodeProgram) installs() bool {
	return len(p.m.Dependencies)+len(p.m.DevDependencies) > 0 || p.root.Path != p.d.Path || len(members(p.root)) > 0
}

// publicVariables names variables that must be there when pages are built.
func (p *nodeProgram) publicVariables() {
	for _, name := range p.d.Present(".env.example", ".env.sample", ".env.template", ".env.local.example") {
		for line := range strings.Lines(p.d.Text(name)) {
			variable, _, _ := strings.Cut(strings.TrimSpace(line), "=")
			for _, prefix := range []string{"NEXT_PUBLIC_", "VITE_", "REACT_APP_", "NUXT_PUBLIC_", "PUBLIC_"} {
				if strings.HasPrefix(variable, prefix) && found.IsVariable(variable) {
					p.service.Hint("%s: %s is read while pages are built: add ARG %s to the Dockerfile, and build.args to slipway.yaml", p.d.Join(name), variable, variable)
				}
			}
		}
	}
}
