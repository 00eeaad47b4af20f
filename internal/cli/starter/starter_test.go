package starter_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/cli/starter"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

func repository(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// TestMake recognises repositories; want are lines of the made slipway.yaml or
// Dockerfile.
func TestMake(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  []string
	}{
		"newer Go":          {map[string]string{"go.mod": "module m\n\ngo 1.30\n", "main.go": "package main\nimport \"net/http\"\n"}, []string{"FROM golang:1.30 AS build", "    port: 8080"}},
		"Go vendored":       {map[string]string{"go.mod": "module m\n", "vendor/modules.txt": "", "main.go": "package main\n"}, []string{"COPY . .\nRUN CGO_ENABLED=0"}},
		"Node by main":      {map[string]string{"package.json": `{"main": "lib/app.js"}`, "lib/app.js": "app.listen(4000)"}, []string{`CMD ["node","lib/app.js"]`, "    port: 4000"}},
		"Node by npm":       {map[string]string{"package.json": `{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "1"}}`, "yarn.lock": ""}, []string{`CMD ["npm","start"]`, "yarn install --frozen-lockfile", "yarn run build"}},
		"Node pages":        {map[string]string{"package.json": `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "1"}}`, "index.html": ""}, []string{"COPY --from=build /app/dist /www", "    health: {path: /}"}},
		"only tools":        {map[string]string{"package.json": `{"devDependencies": {"prettier": "1"}}`, "index.html": ""}, []string{"COPY . /www"}},
		"FastAPI":           {map[string]string{"pyproject.toml": "dependencies = [\"fastapi[standard]>=0.1\"]", "main.py": "api = FastAPI()\n"}, []string{`CMD ["uvicorn","main:api","--host","0.0.0.0","--port","8000"]`, "pip install --no-cache-dir ."}},
		"Django":            {map[string]string{"requirements.txt": "Django==5\ngunicorn\n", "manage.py": "", "shop/wsgi.py": ""}, []string{`CMD ["gunicorn","--bind","0.0.0.0:8000","shop.wsgi"]`}},
		"Python server":     {map[string]string{"requirements.txt": "", "server.py": "import http.server\nhttp.server.HTTPServer(('', 9001), H)\n"}, []string{`CMD ["python","server.py"]`, "    port: 9001"}},
		"Python worker":     {map[string]string{"requirements.txt": "", "main.py": "print(1)\n"}, []string{"    build: {context: .}\n"}},
		"public pages":      {map[string]string{"public/index.html": ""}, []string{"COPY public /www"}},
		"strange directory": {map[string]string{"9 Lives!/Dockerfile": "EXPOSE 80\n"}, []string{"  s-9-lives:\n    build: {context: \"9 Lives!\"}"}},
		"hostile Compose":   {map[string]string{"compose.yml": "services: {a: {build: ../../etc, environment: {X: \"\\n  b: 1\", API_KEY: k}}}"}, []string{"    build: {context: .}"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			start, err := starter.Make(repository(test.files), starter.About{Name: "Shop", Owner: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			for _, path := range start.Paths() {
				all.Write(start.Files[path])
			}
			for _, want := range test.want {
				if !strings.Contains(all.String(), want) {
					t.Errorf("no %q in:\n%s", want, all.String())
				}
			}
			if strings.Contains(all.String(), "API_KEY") {
				t.Errorf("a secret is taken over:\n%s", all.String())
			}
		})
	}
}

// TestPlainIsShort holds a first deploy to twelve lines.
func TestPlainIsShort(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"Go":     {"go.mod": "module m\n", "main.go": "package main\nimport \"net/http\"\n"},
		"Node":   {"package.json": "{}", "server.js": ""},
		"Python": {"requirements.txt": "flask\n", "app.py": ""},
		"static": {"index.html": ""},
	} {
		t.Run(name, func(t *testing.T) {
			start, err := starter.Make(repository(files), starter.About{Name: "m", Owner: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(start.Files["slipway.yaml"]), "\n"); n > 12 {
				t.Errorf("%d lines:\n%s", n, start.Files["slipway.yaml"])
			}
			if start.Files["Dockerfile"] == nil {
				t.Error("no Dockerfile was made")
			}
		})
	}
}

// FuzzMake feeds hostile files: what is made must parse, or the error must
// blame the repository, not the program.
func FuzzMake(f *testing.F) {
	f.Add("compose.yaml", "services: {a: {build: ., ports: [80]}, b: {image: x}}", "shop", "remote")
	f.Add("package.json", `{"main": "server.js", "scripts": {"start": "node x"}}`, "9", "two\nlines")
	f.Add("go.mod", "module x\ngo 1.99", "", "")
	f.Add("requirements.txt", "flask", "ä", "# true")
	f.Fuzz(func(t *testing.T, file, text, name, from string) {
		fsys := repository(map[string]string{"main.go": "package main", "app.py": "", "server.js": ""})
		switch file {
		case "compose.yaml", "package.json", "go.mod", "requirements.txt", "pyproject.toml", "Dockerfile":
			fsys[file] = &fstest.MapFile{Data: []byte(text)}
		default:
			t.Skip()
		}
		start, err := starter.Make(fsys, starter.About{Name: name, Branch: "main", Owner: "alice", OwnerFrom: from})
		if err != nil {
			if code := fault.CodeOf(err); code != fault.NotFound && code != fault.Invalid || strings.Contains(err.Error(), "slipway.yaml made for") {
				t.Fatalf("code %s: %v", code, err)
			}
			return
		}
		if _, err := projectfile.Parse("slipway.yaml", start.Files["slipway.yaml"]); err != nil {
			t.Fatal(err)
		}
	})
}
