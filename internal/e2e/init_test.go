//go:build e2e

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// started are repositories of people who know nothing of Slipway yet.
func started() map[string]map[string]string {
	return map[string]map[string]string{
		"started-go": {
			"go.mod": "module example.com/started\n\ngo 1.26\n",
			"main.go": `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "started by init") })
	if err := http.ListenAndServe(":"+os.Getenv("PORT"), nil); err != nil {
		panic(err)
	}
}
`,
		},
		"started-pages": {"index.html": "<h1>started by init</h1>\n"},
	}
}

// TestInitGoesLive writes slipway.yaml and Dockerfile by `slipway init`, pushes
// them as they are, and sees the page.
func TestInitGoesLive(t *testing.T) {
	for name, files := range started() {
		t.Run(name, func(t *testing.T) {
			tm := newTeam(t, name)
			dir := t.TempDir()
			for file, text := range files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, args := range [][]string{{"init", dir, "--owner", "alice", "--branch", "main", "--project", name}, {"validate", dir}} {
				if out, err := tm.CLI(t.Context(), args...); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			commit := tm.push(t, "alice", "main", tree(t, dir), "Start")
			release := tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
			if release.Status.Built != 1 {
				t.Errorf("built %d images, want 1", release.Status.Built)
			}
			tm.page(t, "web", "production", "started by init")
		})
	}
}

// tree reads all files below a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
