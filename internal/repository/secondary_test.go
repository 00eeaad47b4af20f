package repository

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/mirror"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// twoRepositories returns a project whose primary and secondary repository each
// declare a service, and what changes the image of the secondary's.
func twoRepositories(t *testing.T) (sources *Sources, p *v1alpha1.Project, primary string, push func(image string)) {
	t.Helper()
	const services = "services: {web: {image: \"web:1\"}}\n"
	return repositories(t, func(string) string { return services })
}

// repositories returns a project of two repositories. The primary's file declares
// the services that are made from the clone URL of the secondary one.
func repositories(t *testing.T, services func(secondary string) string) (sources *Sources, p *v1alpha1.Project, primary string, push func(image string)) {
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
	primary = commit("acme/shop", "version: 1\nproject: shop\nmembers: [{user: alice, email: alice@acme.example, role: owner}]\nstages: [{name: dev, branch: main}]\n"+services(repositories[1].URL))
	push = func(image string) {
		commit("acme/api", "version: 1\nproject: shop\nservices: {api: {image: \""+image+"\"}}\n")
	}
	sources = newTestSources(t, nil)
	sources.mirrors = mirror.NewStore(filepath.Join(t.TempDir(), "mirrors"), git.DefaultLimits(), dial.Unrestricted())
	t.Cleanup(sources.mirrors.Close)
	p = &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: "slipway-org-acme"}, Spec: v1alpha1.ProjectSpec{Repositories: repositories}}
	return sources, p, primary, push
}

// headNow returns the head that the project's file has now.
func headNow(t *testing.T, sources *Sources, p *v1alpha1.Project, fileCommit string) v1alpha1.Head {
	t.Helper()
	_, head, err := sources.FileAt(t.Context(), p, fileCommit)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// A head means the same services whenever it is read, whatever was pushed to
// secondary repositories since.
func TestHeadGivesTheSameFile(t *testing.T) {
	sources, p, primary, push := twoRepositories(t)
	head := func() v1alpha1.Head { return headNow(t, sources, p, primary) }
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
	if diff := cmp.Diff([]v1alpha1.RepositoryCommit(nil), headNow(t, sources, p, primary).Secondary); diff != "" {
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

// What a service is built from is what the head says, not what its ref is when
// the release begins.
func TestHeadGivesTheSameSources(t *testing.T) {
	var url string
	sources, p, primary, push := repositories(t, func(secondary string) string {
		url = secondary
		return "services: {tool: {build: {repository: \"" + secondary + "\", ref: main, context: .}}, old: {build: {repository: \"" + secondary + "\", ref: gone, context: .}}}\n"
	})
	opened := func(head v1alpha1.Head, ref string) (string, error) {
		snapshot, err := sources.OpenSecondary(t.Context(), p, head, url, ref)
		return snapshot.Commit, err
	}
	push("unused:1")
	before := headNow(t, sources, p, primary)
	first, err := opened(before, "main")
	if err != nil {
		t.Fatal(err)
	}
	push("unused:2")
	if again, err := opened(before, "main"); err != nil || again != first {
		t.Errorf("after a push the same head opens %s (%v), before %s", again, err, first)
	}
	after := headNow(t, sources, p, primary)
	if later, err := opened(after, "main"); err != nil || later == first || after.FileID == before.FileID {
		t.Errorf("the next head opens %s (%v) with file id %s, want others than %s and %s", later, err, after.FileID, first, before.FileID)
	}
	if _, err := opened(after, "gone"); fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), "had no gone") {
		t.Errorf("a ref that does not exist gives the error %v", err)
	}
}

// A file that takes long to parse keeps nobody from another file.
func TestParsingHoldsUpNobodyElse(t *testing.T) {
	sources, p, primary, _ := twoRepositories(t)
	tree, err := sources.Tree(t.Context(), p, p.Primary(), primary)
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := func(name string, data []byte) (*projectfile.Document, error) {
		close(entered)
		<-leave
		return projectfile.Parse(name, data)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := sources.parsed(tree, "slow", "slipway.yaml", slow)
		ended <- err
	}()
	<-entered
	if _, err := sources.parsed(tree, "quick", "slipway.yaml", projectfile.Parse); err != nil {
		t.Error(err)
	}
	close(leave)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
