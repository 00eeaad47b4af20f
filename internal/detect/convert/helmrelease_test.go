package convert

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/detect/files"
)

// So many files of HelmReleases are converted, however many there are.
func TestHelmReleasesAreBounded(t *testing.T) {
	for _, n := range []int{maxReleases, maxReleases + 1} {
		fsys := fstest.MapFS{}
		for i := range n {
			fsys[fmt.Sprintf("r%d.yaml", i)] = &fstest.MapFile{Data: []byte("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n")}
		}
		all, err := files.Look(fsys)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(helmReleaseFiles(all)); got != maxReleases {
			t.Errorf("of %d are %d converted, want %d", n, got, maxReleases)
		}
	}
}
