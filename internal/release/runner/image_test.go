package runner_test

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// What an image says of itself counts for a service of the project file, and for
// one that only a Compose file names.
func TestImagesSayWhatCounts(t *testing.T) {
	const head = "version: 1\nproject: shop\nmembers:\n  - {user: alice, role: owner}\nstages:\n  - {name: production, branch: main}\nservices:\n"
	tests := map[string]struct{ services, compose string }{
		"the project file": {services: "  db: {image: 'db:1'}\n"},
		"a Compose file":   {services: "  all: {compose: {file: compose.yaml}}\n", compose: "services:\n  db: {image: 'db:1'}\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.pushConfig("db:1", v1.Config{User: "999", ExposedPorts: map[string]struct{}{"5432/tcp": {}}, Volumes: map[string]struct{}{"/var/lib/data": {}}})
			f.file = head + tt.services
			if tt.compose != "" {
				f.more = map[string]string{"compose.yaml": tt.compose}
			}
			if err := f.run(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != v1alpha1.PhaseSucceeded {
				t.Fatalf("phase %s: %s", f.status.Phase, f.status.Message)
			}
			if !strings.Contains(string(f.applied), "runAsNonRoot: true") {
				t.Errorf("nothing says that the image isn't root:\n%s", f.applied)
			}
			if tt.compose == "" && !strings.Contains(string(f.applied), "port: 5432") {
				t.Errorf("the port isn't the image's:\n%s", f.applied)
			}
			if said := strings.Join(f.status.Warnings, "\n"); !strings.Contains(said, "service db: its image keeps data in /var/lib/data") {
				t.Errorf("the warnings are %q", said)
			}
		})
	}
}

// pushConfig pushes an image that says something of itself.
func (f *fixture) pushConfig(ref string, config v1.Config) {
	f.t.Helper()
	image, err := random.Image(64, 1)
	if err == nil {
		image, err = mutate.Config(image, config)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	tag, err := name.ParseReference(f.host+"/library/"+ref, name.Insecure)
	if err == nil {
		err = remote.Write(tag, image)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}
