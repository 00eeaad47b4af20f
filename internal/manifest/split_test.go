package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/manifest"
)

func TestSplit(t *testing.T) {
	limits := manifest.StreamLimits{Bytes: 100, Document: 40, Documents: 3}
	tests := map[string]struct {
		stream  string
		want    []string
		refused string
	}{
		"nothing":         {stream: ""},
		"one":             {stream: "a: 1\n", want: []string{"a: 1\n"}},
		"several":         {stream: "---\na: 1\n--- \nb: 2\n---\r\nc: 3", want: []string{"a: 1\n", "b: 2\n", "c: 3"}},
		"empty ones":      {stream: "# only words\n---\n\n---\na: 1\n---\n", want: []string{"a: 1\n"}},
		"inside a text":   {stream: "a: |\n  ---\n", want: []string{"a: |\n  ---\n"}},
		"too many":        {stream: strings.Repeat("a: 1\n---\n", 4), refused: "more than 3 objects"},
		"too large":       {stream: "a: 1\n---\nb: " + strings.Repeat("x", 40), refused: "document 2: is larger than"},
		"too much":        {stream: strings.Repeat("#", 101), refused: "larger than"},
		"directive":       {stream: "%YAML 1.1\na: 1\n", refused: `document 1: a line begins with "%YA"`},
		"end":             {stream: "a: 1\n...\n", refused: `a line begins with "..."`},
		"text behind":     {stream: "a: 1\n--- b\n", refused: `a line begins with "---"`},
		"lone return":     {stream: "a: 1\r---\rb: 2\n", refused: "carriage return"},
		"windows endings": {stream: "a: 1\r\n---\r\nb: 2\r\n", want: []string{"a: 1\r\n", "b: 2\r\n"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			documents, err := manifest.Split([]byte(test.stream), limits)
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("got %v, want an error that says %q", err, test.refused)
				}
				return
			}
			var got []string
			for _, document := range documents {
				got = append(got, string(document))
			}
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
