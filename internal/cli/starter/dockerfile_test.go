package starter_test

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/cli/starter"
)

// TestDockerfilesHoldTogether reads what is made for plain repositories as the
// builder does: it parses, every base can be named, every file that is copied
// exists in the repository or in a stage before, and nothing runs as root.
func TestDockerfilesHoldTogether(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"Go":              {"go.mod": "module m\n", "go.sum": "", "main.go": "package main\nimport \"net/http\"\n"},
		"Go, command":     {"go.mod": "module m\n", "cmd/m/main.go": "package main\n"},
		"Node":            {"package.json": `{"scripts": {"start": "node server.js"}, "dependencies": {"express": "5"}}`, "package-lock.json": "{}", "server.js": ""},
		"Node, no lock":   {"package.json": `{"main": "server.js"}`, "server.js": ""},
		"Node pages":      {"package.json": `{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "1"}}`, "index.html": ""},
		"Python":          {"requirements.txt": "flask\ngunicorn\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n"},
		"Python, project": {"pyproject.toml": "dependencies = [\"fastapi[standard]\"]", "main.py": "app = FastAPI()\n"},
		"static":          {"index.html": ""},
		"static, below":   {"public/index.html": ""},
	} {
		t.Run(name, func(t *testing.T) {
			repo := repository(files)
			start, err := starter.Make(repo, starter.About{Name: "m", Owner: "alice"})
			if err != nil {
				t.Fatal(err)
			}
			text := start.Files["Dockerfile"]
			parsed, err := build.ParseDockerfile("Dockerfile", text)
			if err != nil {
				t.Fatal(err)
			}
			args, err := build.PlatformArgs(nil, "linux/amd64")
			if err != nil {
				t.Fatal(err)
			}
			if bases, err := parsed.Bases(args, ""); err != nil || len(bases) == 0 {
				t.Errorf("bases %v, %v", bases, err)
			}
			holdsTogether(t, string(text), repo)
		})
	}
}

// holdsTogether checks the instructions of a Dockerfile one by one.
func holdsTogether(t *testing.T, text string, repo fstest.MapFS) {
	t.Helper()
	var stages []string
	user, starts := "", false
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "FROM":
			user, starts = "", false
			stages = append(stages, words[len(words)-1])
			if !strings.Contains(words[1], ":") {
				t.Errorf("%q names no version", strings.TrimSpace(line))
			}
		case "COPY":
			copies(t, words[1:], stages, repo)
		case "USER":
			user = words[1]
		case "CMD", "ENTRYPOINT":
			starts = true
			if !strings.HasPrefix(words[1], "[") {
				t.Errorf("%q needs a shell, which would not pass signals on", strings.TrimSpace(line))
			}
		}
	}
	if user != "65532:65532" || !starts {
		t.Errorf("the image runs as %q, starts something: %v\n%s", user, starts, text)
	}
}

func copies(t *testing.T, words, stages []string, repo fs.FS) {
	t.Helper()
	if from, found := strings.CutPrefix(words[0], "--from="); found {
		if !slices.Contains(stages[:len(stages)-1], from) {
			t.Errorf("COPY %v is from a stage that is not there", words)
		}
		return
	}
	for _, name := range words[:len(words)-1] {
		if _, err := fs.Stat(repo, path.Clean(name)); err != nil {
			t.Errorf("COPY %v: %v", words, err)
		}
	}
}
