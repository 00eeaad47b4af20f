package language

import (
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
)

// framework is one of Node.js that says how its programs run.
type framework struct {
	name     string
	packages []string
	// sources are directories of which a program has one; empty means that it needs
	// none.
	sources  []string
	describe func(d files.Dir, m manifest) output
}

// isIn reports whether a directory has a program of the framework, and doesn't
// only need its packages.
func (f framework) isIn(d files.Dir) bool {
	return len(f.sources) == 0 || slices.ContainsFunc(f.sources, d.HasDirectory)
}

// output is what a framework makes.
type output struct {
	// pages is the directory of pages that are only served; empty for a program.
	pages string
	// single says that the pages are one application: every path that is no file is
	// answered with index.html.
	single bool
	// command starts the program, as a JSON list; empty means a script.
	command string
	port    int32
	hint    string
}

// frameworks returns those that are known, the one that decides first.
func frameworks() []framework {
	return []framework{
		{"Next.js", []string{"next"}, []string{"app", "pages", "src/app", "src/pages"}, next},
		{"Nuxt", []string{"nuxt", "nuxt3", "nuxt-edge"}, nil, nuxt},
		{"Remix", []string{"@remix-run/node", "@remix-run/serve", "@remix-run/express", "@react-router/node", "@react-router/serve"}, nil, remix},
		{"SvelteKit", []string{"@sveltejs/kit"}, nil, svelteKit},
		{"Astro", []string{"astro"}, nil, astro},
		{"Create React App", []string{"react-scripts", "@craco/craco"}, nil, single("build")},
		{"Vue CLI", []string{"@vue/cli-service"}, nil, single("dist")},
		{"Angular", []string{"@angular/cli", "@angular-devkit/build-angular"}, nil, angular},
		{"Gatsby", []string{"gatsby"}, nil, pagesIn("public")},
		{"Docusaurus", []string{"@docusaurus/core"}, nil, pagesIn("build")},
		{"VitePress", []string{"vitepress"}, nil, pagesIn("docs/.vitepress/dist")},
		{"Eleventy", []string{"@11ty/eleventy"}, nil, pagesIn("_site")},
		{"NestJS", []string{"@nestjs/core"}, nil, nest},
	}
}

// nodeServers are packages that programs serve with.
func nodeServers() []string {
	return []string{
		"express", "fastify", "koa", "hono", "@hono/node-server", "@hapi/hapi", "restify", "polka", "h3", "nitropack", "socket.io", "ws", "apollo-server", "@apollo/server",
		"graphql-yoga", "next", "nuxt", "@nestjs/core", "@remix-run/serve", "@react-router/serve", "@strapi/strapi", "micro", "connect", "elysia", "@adonisjs/core", "sails", "@feathersjs/feathers",
		"payload", "ghost", "keystone", "@keystone-6/core", "parse-server", "json-server", "serve", "http-server", "@medusajs/medusa",
	}
}

// single is a framework that makes a single-page application.
func single(pages string) func(files.Dir, manifest) output {
	return func(files.Dir, manifest) output { return output{pages: pages, single: true} }
}

// pagesIn is a framework that makes pages.
func pagesIn(pages string) func(files.Dir, manifest) output {
	return func(files.Dir, manifest) output { return output{pages: pages} }
}

var (
	exported   = regexp.MustCompile(`output\s*:\s*['"]export['"]`)
	generates  = regexp.MustCompile(`\b(nuxt|nuxi) generate\b`)
	noServer   = regexp.MustCompile(`\bssr\s*:\s*false`)
	outDir     = regexp.MustCompile(`outDir\s*:\s*['"]([\w./-]+)['"]|--outDir[= ]([\w./-]+)`)
	exportedTo = regexp.MustCompile(`\bnext export\b`)
)

// next is Next.js: a program, or pages where it exports them.
func next(d files.Dir, m manifest) output {
	config := d.Text(d.First("next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs"))
	if exported.MatchString(config) || exportedTo.MatchString(m.Scripts["build"]) {
		return output{pages: "out"}
	}
	made := output{port: nodePortDefault}
	if m.Scripts["start"] == "" {
		made.command = list("node_modules/.bin/next", "start")
	}
	return made
}

// nuxt is Nuxt: a program, or pages where it generates them.
func nuxt(_ files.Dir, m manifest) output {
	if generates.MatchString(m.Scripts["build"]) {
		return output{pages: ".output/public"}
	}
	if version := m.Dependencies["nuxt"] + m.DevDependencies["nuxt"]; strings.HasPrefix(strings.TrimLeft(version, "^~="), "2.") || m.needs("nuxt-edge") {
		return output{port: nodePortDefault, hint: "Nuxt 2 listens on localhost unless HOST is 0.0.0.0: it is in the Dockerfile's environment"}
	}
	return output{command: list("node", ".output/server/index.mjs"), port: nodePortDefault}
}

// remix is Remix, or React Router as a framework.
func remix(d files.Dir, _ manifest) output {
	config := d.Text(d.First("react-router.config.ts", "react-router.config.js")) + d.Text(d.First("vite.config.ts", "vite.config.js", "vite.config.mjs"))
	if noServer.MatchString(config) {
		return output{pages: "build/client", single: true}
	}
	return output{port: nodePortDefault}
}

// svelteKit is SvelteKit, whose adapter decides.
func svelteKit(d files.Dir, m manifest) output {
	switch {
	case m.needs("@sveltejs/adapter-static"):
		return output{pages: "build", single: strings.Contains(d.Text(d.First("svelte.config.js", "svelte.config.ts")), "fallback")}
	case m.needs("@sveltejs/adapter-node"):
		return output{command: list("node", "build"), port: nodePortDefault}
	}
	return output{command: list("node", "build"), port: nodePortDefault, hint: "SvelteKit needs @sveltejs/adapter-node to run in a container: add it, and name it in svelte.config.js"}
}

// astro is Astro, a program with its adapter for Node.js.
func astro(_ files.Dir, m manifest) output {
	if m.needs("@astrojs/node") {
		return output{command: list("sh", "-c", "HOST=0.0.0.0 exec node ./dist/server/entry.mjs"), port: 4321}
	}
	return output{pages: "dist"}
}

// nest is NestJS, whose start script is for developers.
func nest(_ files.Dir, m manifest) output {
	for _, script := range productionScripts()[:2] {
		if m.Scripts[script] != "" {
			return output{port: nodePortDefault}
		}
	}
	return output{command: list("node", "dist/main"), port: nodePortDefault}
}

// angular is Angular, whose workspace file says where pages go.
func angular(d files.Dir, _ manifest) output {
	var workspace struct {
		DefaultProject string `json:"defaultProject"`
		Projects       map[string]struct {
			ProjectType string `json:"projectType"`
			Architect   struct {
				Build struct {
					Builder string         `json:"builder"`
					Options map[string]any `json:"options"`
				} `json:"build"`
			} `json:"architect"`
		} `json:"projects"`
	}
	made := output{pages: "dist", single: true}
	if err := json.Unmarshal([]byte(d.Text("angular.json")), &workspace); err != nil {
		return made
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(workspace.Projects)), func(name string) bool {
		kind := workspace.Projects[name].ProjectType
		return kind != "application" && kind != ""
	})
	if len(names) == 0 {
		return made
	}
	name := names[0]
	if slices.Contains(names, workspace.DefaultProject) {
		name = workspace.DefaultProject
	}
	build := workspace.Projects[name].Architect.Build
	made.pages = path.Join("dist", name)
	switch where := build.Options["outputPath"].(type) {
	case string:
		made.pages = path.Clean(where)
	case map[string]any:
		if base, is := where["base"].(string); is {
			made.pages = path.Clean(base)
		}
	}
	if strings.HasSuffix(build.Builder, ":application") {
		made.pages = path.Join(made.pages, "browser")
	}
	return made
}

// bundlerOf returns the bundler that makes a program's pages, and where they go.
func bundlerOf(d files.Dir, m manifest) (name string, made output) {
	made = output{pages: "dist", single: true}
	config := d.Text(d.First("vite.config.ts", "vite.config.js", "vite.config.mjs"))
	if to := firstGroup(outDir, m.Scripts["build"]+"\n"+config); to != "" {
		made.pages = path.Clean(to)
	}
	for _, bundler := range []string{"vite", "webpack", "parcel", "rollup", "esbuild", "@rsbuild/core"} {
		if m.needs(bundler) {
			return bundler, made
		}
	}
	return "", output{}
}
