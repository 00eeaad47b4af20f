package source

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/detect/files"
)

// Of each kind so many are looked at, however many a repository has.
func TestSourcesAreBounded(t *testing.T) {
	tests := map[string]struct {
		most       int
		name, text string // of the files; %d is their number
		count      func(*files.Tree) int
	}{
		"Dockerfiles":             {maxDockerfiles, "d%d/Dockerfile", "FROM scratch", func(t *files.Tree) int { return len(Dockerfiles(t)) }},
		"Compose files":           {maxComposeFiles, "d%d/compose.yaml", "services: {}", func(t *files.Tree) int { return len(ComposeSets(t)) }},
		"manifests":               {maxManifests, "d%d/a.yaml", "apiVersion: v1\nkind: Service\n", func(t *files.Tree) int { return len(Manifests(t)) }},
		"charts":                  {maxKubernetes, "d%d/Chart.yaml", "name: x", func(t *files.Tree) int { services, _ := Charts(t); return len(services) }},
		"Kustomize directories":   {maxKubernetes, "d%d/kustomization.yaml", "resources: [a.yaml]", func(t *files.Tree) int { services, _ := Kustomizations(t); return len(services) }},
		"kustomizations together": {maxKustomizations, "d%d/kustomization.yaml", "resources: [a.yaml]", func(t *files.Tree) int { known, _ := kustomizations(t); return len(known) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{tt.most, tt.most + 1} {
				fsys := fstest.MapFS{}
				for i := range n {
					fsys[fmt.Sprintf(tt.name, i)] = &fstest.MapFile{Data: []byte(tt.text)}
				}
				all, err := files.Look(fsys)
				if err != nil {
					t.Fatal(err)
				}
				if got := tt.count(all); got != tt.most {
					t.Errorf("of %d are %d taken, want %d", n, got, tt.most)
				}
			}
		})
	}
}
