package runner_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/project"
)

// projectFile is a project file whose three stages share overlays.
const projectFile = `version: 1
project: shop
members: [{user: alice, role: owner}]
overlay: deploy/overlays/all
stages:
  - {name: production, branch: main, overlay: deploy/overlays/production, resources: {cpu: "4"}}
  - {name: staging, branch: main, overlay: deploy/overlays/staging}
  - {name: dev, branch: main}
services:
  web:
    build: {context: web, watch: [shared], args: {LEVEL: "1"}}
    port: 8080
    env: {LOG_LEVEL: info}
    stages: {production: {scale: {min: 3}}}
`

// otherServices are services of the sources that web doesn't have.
func otherServices() []string {
	return []string{
		"  db: {template: postgres, with: {version: \"16\", storage: 5Gi}}\n",
		"  legacy: {compose: {file: compose/docker-compose.yml, services: [mailer]}}\n",
		"  search: {helm: {chart: charts/search, values: [values/all.yaml], set: {ingress: {enabled: false}}}}\n",
		"  raw: {kustomize: deploy/raw}\n",
	}
}

// repositoryFiles returns the files that random changes begin with.
func repositoryFiles(t testing.TB, services string) map[string]gittest.File {
	t.Helper()
	files := map[string]gittest.File{}
	examples := os.DirFS("../../../examples/everything")
	err := fs.WalkDir(examples, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(examples, name)
		files[name] = gittest.File{Data: string(data)}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(files, "docker-compose.yml")
	files["deploy/components/web/web.yaml"] = files["deploy/overlays/production/web.yaml"]
	for name, text := range map[string]string{
		"README.md":                                        "# shop\n",
		project.FileName:                                   projectFile + services,
		"shared/lib.txt":                                   "shared\n",
		"compose/docker-compose.yml":                       "services:\n  mailer:\n    image: registry.example/mailer:1.8\n    env_file: [{path: mailer.env, required: false}, {path: local.env, required: false}]\n    ports: [\"8025:8025\"]\n",
		"compose/mailer.env":                               "FROM=shop\n",
		"charts/search/.helmignore":                        "*.bak\n",
		"deploy/overlays/all/kustomization.yaml":           "components: [../../components/team]\n",
		"deploy/components/team/kustomization.yaml":        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {team: shop}}]\n",
		"deploy/overlays/production/kustomization.yaml":    "components: [../../components/web]\nconfigMapGenerator: [{name: settings, files: [settings.txt], envs: [settings.env]}]\n",
		"deploy/components/web/kustomization.yaml":         "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: web.yaml}]\n",
		"deploy/overlays/production/settings.txt":          "one\n",
		"deploy/overlays/production/settings.env":          "A=1\n",
		"deploy/overlays/staging/kustomization.yml":        "components: [../../components/web]\nresources: [extra]\n",
		"deploy/overlays/staging/extra/kustomization.yaml": "resources: [map.yaml]\n",
		"deploy/overlays/staging/extra/map.yaml":           "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: \"1\"}\n",
	} {
		files[name] = gittest.File{Data: text}
	}
	return files
}

// change is a random change of a repository, with a sentence about it. It leaves
// the files alone when there is nothing to change.
type change func(t *rapid.T, files map[string]gittest.File) string

func pick(t *rapid.T, label string, from []string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

func someFile(t *rapid.T, files map[string]gittest.File) string {
	return pick(t, "file", slices.Sorted(maps.Keys(files)))
}

func directories(files map[string]gittest.File) []string {
	all := map[string]bool{".": true}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			all[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// clearPath removes what is at a path, so that something else can be there.
func clearPath(files map[string]gittest.File, name string) {
	maps.DeleteFunc(files, func(other string, _ gittest.File) bool {
		return other == name || strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/")
	})
}

func addFile(t *rapid.T, files map[string]gittest.File) string {
	names := []string{
		"README.md", "notes.txt", "kustomization.yml", "kustomization.yaml", "Kustomization", ".helmignore", "values.yaml", "local.env", ".env", "mailer.env",
		"compose.override.yaml", ".dockerignore", "Dockerfile.dockerignore", "Dockerfile", "templates/extra.yaml", "extra/kustomization.yaml", "map.yaml", "Chart.yaml", "values.schema.json",
	}
	texts := []string{
		"\n", "# nothing\n", "A=2\n", "*\n", "templates/test.yaml\n", "resources: []\n", "{}\n",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: added}\ndata: {a: \"1\"}\n",
	}
	name := path.Join(pick(t, "directory", directories(files)), pick(t, "name", names))
	clearPath(files, name)
	files[name] = gittest.File{Data: pick(t, "text", texts)}
	return "add " + name
}

func editFile(t *rapid.T, files map[string]gittest.File) string {
	name := someFile(t, files)
	file := files[name]
	edits := [][2]string{{"1", "2"}, {"shop", "store"}, {"info", "debug"}, {"replicas", "copies"}, {"extra", "other"}, {"yaml", "yml"}, {"mailer", "other"}}
	edit := rapid.SampledFrom(edits).Draw(t, "edit")
	if file.Data = strings.Replace(file.Data, edit[0], edit[1], 1); file.Data == files[name].Data {
		file.Data += "# changed\n"
	}
	files[name] = file
	return fmt.Sprintf("edit %s: %s to %s, or a comment", name, edit[0], edit[1])
}

func removeFile(t *rapid.T, files map[string]gittest.File) string {
	name := someFile(t, files)
	if name == project.FileName {
		return "remove nothing"
	}
	delete(files, name)
	return "remove " + name
}

func renameDirectory(t *rapid.T, files map[string]gittest.File) string {
	from := pick(t, "from", directories(files))
	to := path.Join(path.Dir(from), pick(t, "to", []string{"web", "search", "extra", "raw", "renamed", "templates", "all"}))
	if from == "." || to == from || strings.HasPrefix(to, from+"/") || strings.HasPrefix(from, to+"/") {
		return "rename nothing"
	}
	clearPath(files, to)
	for name, file := range maps.Clone(files) {
		if below, is := strings.CutPrefix(name, from+"/"); is {
			delete(files, name)
			files[path.Join(to, below)] = file
		}
	}
	return "rename " + from + " to " + to
}

func changeMode(t *rapid.T, files map[string]gittest.File) string {
	name := someFile(t, files)
	file := files[name]
	file.Mode = rapid.SampledFrom([]fs.FileMode{0, 0o111, fs.ModeSymlink, fs.ModeIrregular}).Draw(t, "mode")
	files[name] = file
	return fmt.Sprintf("make %s a file of mode %s", name, file.Mode)
}

func pointLink(t *rapid.T, files map[string]gittest.File) string {
	name := path.Join(pick(t, "directory", directories(files)), pick(t, "name", []string{"link", "values.yaml", "web.yaml", "extra", "templates"}))
	clearPath(files, name)
	files[name] = gittest.File{Mode: fs.ModeSymlink, Data: pick(t, "target", []string{"../README.md", "values.yaml", "/etc/passwd", "extra"})}
	return "link " + name + " to " + files[name].Data
}

// editProjectFile changes a setting: of all stages, of one, or none at all.
func editProjectFile(t *rapid.T, files map[string]gittest.File) string {
	edits := [][2]string{
		{"LOG_LEVEL: info", "LOG_LEVEL: debug"}, {"min: 3", "min: 4"}, {"members: [{user: alice, role: owner}]", "members: [{user: alice, role: owner}, {user: bob, role: viewer}]"},
		{"storage: 5Gi", "storage: 6Gi"}, {"overlay: deploy/overlays/all\n", ""}, {"overlay: deploy/overlays/staging", "overlay: deploy/overlays/production"},
		{"cpu: \"4\"", "cpu: \"5\""}, {"watch: [shared]", "watch: [values]"}, {"LEVEL: \"1\"", "LEVEL: \"2\""}, {"port: 8080", "port: 8081"},
		{"services: [mailer]", "services: [mailer, other]"}, {"version: 1\n", "# comment\nversion: 1\n"}, {"name: dev, branch: main", "name: dev, branch: main, protected: true"},
		{", values: [values/all.yaml]", ""}, {"template: postgres", "template: redis"}, {"  raw: {kustomize: deploy/raw}\n", ""},
	}
	edit := rapid.SampledFrom(edits).Draw(t, "setting")
	file := files[project.FileName]
	file.Data = strings.Replace(file.Data, edit[0], edit[1], 1)
	files[project.FileName] = file
	return fmt.Sprintf("%s: %q to %q", project.FileName, edit[0], edit[1])
}

func someChanges(t *rapid.T, label string, least, most int, files map[string]gittest.File) []string {
	all := []change{addFile, addFile, editFile, editFile, removeFile, renameDirectory, changeMode, pointLink, editProjectFile, editProjectFile}
	var lines []string
	for range rapid.IntRange(least, most).Draw(t, label) {
		lines = append(lines, rapid.SampledFrom(all).Draw(t, "change")(t, files))
	}
	return lines
}
