//go:build integration

package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build/buildtest"
	"github.com/slipway-dev/slipway/internal/naming"
)

// TestImagesAreAssembled releases a service whose Dockerfile runs nothing: its image is
// made without a Job, and only what the Dockerfile reads counts.
func TestImagesAreAssembled(t *testing.T) {
	base := buildtest.Base(t, "BASE")
	ref, err := name.ParseReference(env.Registry+"/acme/assembled-base:1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, base); err != nil {
		t.Fatal(err)
	}
	files := siteFiles(devStage, "hello")
	files["slipway.yaml"] += "  web: {build: {context: web}, schedule: \"0 3 * * *\"}\n" // no pod has to run
	files["web/Dockerfile"] = "FROM " + ref.String() + "\nWORKDIR /www\nCOPY --chown=app page.html .\nCMD [\"serve\"]\n"
	files["web/page.html"] = "one"
	files["web/README.md"] = "read"
	p := join(t, "assembled", files, nil)
	first := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	image := p.assembled(first, "assembled: first build of this service here")
	if got := p.added(image); got["www/page.html"] != "f 644 1000:1000 one" || got["www"] != "d 755 0:0" || len(got) != 2 {
		t.Errorf("the image adds %v", got)
	}

	changed := p.reaches("dev", p.push("main", "dev", map[string]string{"web/page.html": "two"}), v1alpha1.PhaseSucceeded)
	next := p.assembled(changed, "assembled: web/page.html changed since release 1")
	if got := p.added(next); got["www/page.html"] != "f 644 1000:1000 two" {
		t.Errorf("the next image adds %v", got)
	}

	readme := p.push("main", "dev", map[string]string{"web/README.md": "better"})
	p.served(readme, "")
	if releases := p.releases("dev"); len(releases) != 2 {
		t.Errorf("%d releases: a README beside what is copied was released", len(releases))
	}
	err = env.Client.Get(t.Context(), client.ObjectKey{Name: naming.BuildNamespace(p.Organization, p.Name)}, &corev1.Namespace{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("a namespace for builds was made: %v", err)
	}
	var jobs batchv1.JobList
	if err := env.Client.List(t.Context(), &jobs, client.InNamespace(naming.BuildNamespace(p.Organization, p.Name))); err != nil || len(jobs.Items) != 0 {
		t.Errorf("%d Jobs: %v", len(jobs.Items), err)
	}
}

// assembled returns the image of web in a release, and checks why it was made.
func (p *team) assembled(release v1alpha1.Release, why string) string {
	p.t.Helper()
	at := slices.IndexFunc(release.Status.Services, func(s v1alpha1.ReleaseService) bool { return s.Name == "web" })
	if at < 0 {
		p.t.Fatalf("services %+v", release.Status.Services)
	}
	service := release.Status.Services[at]
	if service.Why != why || service.Job != "" || !strings.Contains(service.Image, "@sha256:") {
		p.t.Fatalf("service %+v, want %q", service, why)
	}
	return service.Image
}

// added returns what an image adds to the base image.
func (p *team) added(image string) map[string]string {
	p.t.Helper()
	ref, err := name.ParseReference(image, name.Insecure)
	if err != nil {
		p.t.Fatal(err)
	}
	made, err := remote.Image(ref)
	if err != nil {
		p.t.Fatal(fmt.Errorf("image %s: %w", image, err))
	}
	return buildtest.Changes(buildtest.List(p.t, buildtest.Base(p.t, "BASE")), buildtest.List(p.t, made))
}
