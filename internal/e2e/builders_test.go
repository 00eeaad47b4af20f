//go:build e2e && builders

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build/buildtest"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
)

// differences are the cases in which the pinned executor makes something else than the
// reference of Dockerfiles says, with what it does. A case that it gets right is no
// difference: whoever pins a better executor takes it off the list.
func differences() map[string]string {
	heredoc := "it fails: \"resolved envs is empty\""
	return map[string]string{
		"copied: a here-document":                         heredoc,
		"copied: a quoted here-document":                  heredoc,
		"copied: here-documents by names":                 heredoc,
		"copied: a here-document with modes":              heredoc,
		"owners: by number":                               "directories that it makes belong to root",
		"owners: by names":                                "directories that it makes belong to root",
		"destinations: a directory's owner and mode stay": "it changes them",
		"destinations: the mode of /tmp stays":            "it becomes 0755",
	}
}

// TestCorpusOnTheExecutor builds each case of the corpus that can be assembled with the
// executor, and compares the images: the same files, owners, modes, links and
// configuration come of both.
func TestCorpusOnTheExecutor(t *testing.T) {
	tm := newTeam(t, "corpus")
	refs := map[string]string{}
	for _, base := range buildtest.BaseNames() {
		refs[base] = tm.Registry() + "/corpus-" + strings.ToLower(base) + ":1"
		ref, err := name.ParseReference(refs[base], name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, buildtest.Base(t, base)); err != nil {
			t.Fatal(err)
		}
	}
	corpus := buildtest.Corpus()
	for _, title := range slices.Sorted(maps.Keys(corpus)) {
		c := corpus[title]
		if c.Runs != "" || hasSubmodule(c) {
			continue
		}
		t.Run(title, func(t *testing.T) {
			differs := tm.build(t, c, refs)
			switch why := differences()[title]; {
			case differs != "" && why == "":
				t.Error(differs)
			case differs == "" && why != "":
				t.Errorf("it is right; the list says: %s", why)
			}
		})
	}
}

// hasSubmodule reports whether a context has a submodule, which the forge can't be given.
func hasSubmodule(c buildtest.Case) bool {
	for _, file := range c.Files {
		if file.Mode&fs.ModeIrregular != 0 {
			return true
		}
	}
	return false
}

// build has the executor build a case, and returns how its image differs from what is
// wanted, empty for not at all.
func (tm *team) build(t *testing.T, c buildtest.Case, refs map[string]string) string {
	t.Helper()
	base := c.From()
	c = c.With(refs)
	dockerfile := cmp.Or(c.Name, "Dockerfile")
	files := fstest.MapFS{"slipway.yaml": {Data: []byte(projectOf(c)), Mode: 0o644}, "c/" + dockerfile: {Data: []byte(c.Dockerfile), Mode: 0o644}}
	for name, file := range c.Files {
		files["c/"+name] = &fstest.MapFile{Data: []byte(file.Data), Mode: 0o644 | file.Mode}
	}
	commit, err := tm.forge.PushTree(tm.repo, "main", files, t.Name(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	var release v1alpha1.Release
	err = stand.Poll(t.Context(), 3*time.Minute, func(ctx context.Context) (bool, error) {
		found, err := tm.releases(ctx, "production", commit)
		if err != nil || len(found) == 0 {
			return false, err
		}
		release = found[len(found)-1]
		return release.Status.Phase.Done(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if release.Status.Phase != v1alpha1.PhaseSucceeded {
		return fmt.Sprintf("the release is %s: %s", release.Status.Phase, release.Status.Message)
	}
	return compare(t, c, base, release.Status.Services[0].Image)
}

// projectOf returns the project file of a case; no pod has to run.
func projectOf(c buildtest.Case) string {
	build := "context: c, assemble: false"
	if c.Name != "" {
		build += ", dockerfile: " + c.Name
	}
	if c.Target != "" {
		build += ", target: " + c.Target
	}
	for key, value := range c.Args {
		build += fmt.Sprintf(", args: {%s: %q}", key, value)
	}
	return "version: 1\nproject: corpus\nmembers:\n  - {user: alice, role: owner}\nstages:\n  - {name: production, branch: main}\n" +
		"services:\n  web: {build: {" + build + "}, schedule: \"0 3 * * *\"}\n"
}

// compare says how an image differs from what a case on a base image wants.
func compare(t *testing.T, c buildtest.Case, base, image string) string {
	t.Helper()
	ref, err := name.ParseReference(image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	made, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	file, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := buildtest.BaseConfig(base)
	if c.Config != nil {
		c.Config(&want)
	}
	files := gocmp.Diff(c.Want, buildtest.Changes(buildtest.List(t, buildtest.Base(t, base)), buildtest.List(t, made)), cmpopts.EquateEmpty())
	return files + gocmp.Diff(want, file.Config, cmpopts.EquateEmpty())
}
