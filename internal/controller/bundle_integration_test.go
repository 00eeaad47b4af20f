//go:build integration

package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// pushes makes the cluster of the team's organization push bundles to a
// registry, its own when host is empty.
func (p *team) pushes(host string) {
	p.t.Helper()
	var clusters v1alpha1.ClusterList
	if err := env.Client.List(p.t.Context(), &clusters, client.InNamespace(p.Namespace)); err != nil || len(clusters.Items) != 1 {
		p.t.Fatalf("%d clusters: %v", len(clusters.Items), err)
	}
	after := clusters.Items[0].DeepCopy()
	after.Spec.Bundles.Push = true
	if host != "" {
		after.Spec.Registry.Host = host
	}
	if err := env.Client.Patch(p.t.Context(), after, client.MergeFrom(&clusters.Items[0])); err != nil {
		p.t.Fatal(err)
	}
}

// event waits for an event on one of the team's objects, and returns what it
// says.
func (p *team) event(reason string) (note string) {
	p.t.Helper()
	p.eventually("an event "+reason, func() error {
		var events eventsv1.EventList
		if err := env.Client.List(p.t.Context(), &events, client.InNamespace(p.Namespace)); err != nil {
			return err
		}
		at := slices.IndexFunc(events.Items, func(e eventsv1.Event) bool { return e.Reason == reason })
		if at < 0 {
			return fmt.Errorf("none of %d is", len(events.Items))
		}
		note = events.Items[at].Note
		return nil
	})
	return note
}

func TestBundleIsPushedAsAnArtifact(t *testing.T) {
	p := join(t, "artifact", siteFiles(devStage, "first"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	p.pushes("")
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("second")})
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	note := p.event("BundlePushed")
	_, address, _ := strings.Cut(note, " is ")
	ref, err := name.NewDigest(address, name.Insecure)
	if err != nil {
		t.Fatalf("%q: %v", note, err)
	}
	image, err := remote.Image(ref, remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil || !strings.HasSuffix(manifest.Annotations["org.opencontainers.image.revision"], commit) {
		t.Errorf("the artifact is %+v: %v", manifest, err)
	}
}

func TestBundleThatCantBePushedFailsNoRelease(t *testing.T) {
	p := join(t, "no-artifact", siteFiles(devStage, "first"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	p.pushes("127.0.0.1:1")
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("second")})
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	if note := p.event("BundleNotPushed"); !strings.Contains(note, "could not be pushed to 127.0.0.1:1/no-artifact/shop/bundles") || !strings.HasSuffix(note, "the release is not affected") {
		t.Errorf("the event says %q", note)
	}
}

// Bundles are kept, with the rights that the chart gives, for every kept
// release, and go with it and with the stage.
func TestBundlesAreBounded(t *testing.T) {
	const pushes = 30
	p := join(t, "bundles", siteFiles(devStage, "0"), nil)
	commit := p.head("main")
	for i := range pushes {
		p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
		commit = p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings(fmt.Sprint(i + 1))})
	}
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	p.eventually("bundles that no release needs are gone", func() error {
		releases, bundles := p.releases("dev"), p.bundles()
		if len(releases) > pushes-3 {
			return fmt.Errorf("%d releases are kept", len(releases))
		}
		for _, release := range releases {
			if !bundles[release.Status.Bundle] {
				return fmt.Errorf("release %s lost its bundle", release.Name)
			}
			delete(bundles, release.Status.Bundle)
		}
		if len(bundles) > 0 {
			return fmt.Errorf("no release needs %v", bundles)
		}
		return nil
	})
}

func (p *team) bundles() map[string]bool {
	p.t.Helper()
	var secrets corev1.SecretList
	if err := env.Client.List(p.t.Context(), &secrets, client.InNamespace(p.Namespace)); err != nil {
		p.t.Fatal(err)
	}
	found := map[string]bool{}
	for _, secret := range secrets.Items {
		if secret.Type == "slipway.dev/bundle" {
			found[secret.Name] = true
		}
	}
	return found
}
