package projectfile

import (
	"os"
	"testing"
)

// BenchmarkParse reads the example of the design document, as every push does.
func BenchmarkParse(b *testing.B) {
	data, err := os.ReadFile("testdata/all.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("slipway.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
