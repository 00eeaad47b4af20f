package scope_test

import (
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// BenchmarkDigests finds out what may be read of 10,000 files, with an ignore file and
// without.
func BenchmarkDigests(b *testing.B) {
	files := plain()
	for i := range 10_000 {
		files[fmt.Sprintf("src/%03d/%05d.go", i%100, i)] = gittest.File{}
	}
	ignored := gittest.File{Data: "**/*.md\n.git\nnode_modules\n**/*_test.go\ndocs\n*.log\n!README.md\ntmp/**\nbuild\ncoverage\n"}
	for name, ignore := range map[string]bool{"plain": false, "ignored": true} {
		delete(files, ".dockerignore")
		if ignore {
			files[".dockerignore"] = ignored
		}
		tree := gittest.NewTree(b, files, nil)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				selection, err := scope.Scope{Sources: []string{"."}, Dockerfile: "Dockerfile"}.On(tree, ".")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := selection.Digests(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
