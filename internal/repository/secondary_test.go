package repository

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/mirror"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// twoRepositories returns a project whose primary and secondary repository each
// declare a service, and what changes the image of the secondary's.
func twoRepositories(t *testing.T) (sources *Sources, p *v1alpha1.Project, primary string, push func(image string)) {
	t.Helper()
	forge, err := forgetest.New(forgetest.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(forge.Close)
	server := httptest.NewServer(forge)
	t.Cleanup(server.Close)
	commit := func(path, text string) string {
		made, err := forge.Push(path, "main", map[string]string{"slipway.yaml": text}, "change", "owner")
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	repositories := []v1alpha1.Repository{{Name: "main", Path: "acme/shop"}, {Name: "api", Path: "acme/api"}}
	for i := range repositories {
		if err := forge.CreateRepository(repositories[i].Path); err != nil {
			t.Fatal(err)
		}
		repositories[i].URL = server.URL + "/" + repositories[i].Path + ".git"
	}
	primary = commit("acme/shop", "version: 1\nproject: shop\nmembers: [{user: alice, email: alice@acme.example, role: owner}]\nstages: [{name: dev, branch: main}]\nservices: {web: {image: \"web:1\"}}\n")
	push = func(image string) {
		commit("acme/api", "version: 1\nproject: shop\nservices: {api: {image: \""+image+"\"}}\n")
	}
	sources = newTestSources(t, nil)
	sources.mirrors = mirror.NewStore(filepath.Join(t.TempDir(), "mirrors"), git.DefaultLimits())
	t.Cleanup(sources.mirrors.Close)
	p = &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "slipway-org-acme"}, Spec: v1alpha1.ProjectSpec{Repositories: repositories}}
	return sources, p, primary, push
}

// A head means the same services whenever it is read, whatever was pushed to
// secondary repositories since.
func TestHeadGivesTheSameFile(t *testing.T) {
	sources, p, primary, push := twoRepositories(t)
	head := func() v1alpha1.Head {
		t.Helper()
		secondary, err := sources.Secondary(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return v1alpha1.Head{FileCommit: primary, Secondary: secondary}
	}
	read := func(at v1alpha1.Head) (image, id string) {
		t.Helper()
		document, id, err := sources.File(t.Context(), p, at)
		if err != nil {
			t.Fatal(err)
		}
		return document.File.Services["api"].Image, id
	}
	push("api:1")
	before := head()
	image, id := read(before)
	if image != "api:1" {
		t.Fatalf("the first head gives image %q", image)
	}
	push("api:2")
	if later, laterID := read(before); later != image || laterID != id {
		t.Errorf("after a push to the secondary repository the same head gives %s (%s), before %s (%s)", later, laterID, image, id)
	}
	if later, laterID := read(head()); later != "api:2" || laterID == id {
		t.Errorf("the next head gives %s (%s), want api:2 and another id than %s", later, laterID, id)
	}
}

func TestHeadWithoutSecondaryFiles(t *testing.T) {
	sources, p, primary, push := twoRepositories(t)
	secondary, err := sources.Secondary(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]v1alpha1.RepositoryCommit(nil), secondary); diff != "" {
		t.Errorf("an empty repository has a commit (-want +got):\n%s", diff)
	}
	push("api:1") // which no head names
	document, _, err := sources.File(t.Context(), p, v1alpha1.Head{FileCommit: primary})
	if err != nil {
		t.Fatal(err)
	}
	if _, found := document.File.Services["api"]; found || len(document.File.Services) != 1 {
		t.Errorf("a head without secondary commits has services %v", document.File.Services)
	}
}
