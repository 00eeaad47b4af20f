package manifest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/manifest"
)

func TestNodes(t *testing.T) {
	limits := manifest.NodeLimits{Nodes: 50, Bytes: 1000, Depth: 6, Documents: 2}
	tests := map[string]struct {
		text string
		line int
		says string
	}{
		"a few aliases":    {text: "a: &a [1, 2, 3]\nb: [*a, *a]\n"},
		"many aliases":     {"a: &a [1, 2, 3]\nb: [" + strings.Repeat("*a, ", 20) + "]\n", 2, "more than 50 values"},
		"over documents":   {strings.Repeat("a: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23]\n---\n", 2), 2, "more than 50 values"},
		"long text, often": {"a: &a " + strings.Repeat("x", 300) + "\nb: [*a, *a, *a]\n", 1, "more than 1000 bytes"},
		"alias in itself":  {"a: 1\nb: &b [*b]\n", 2, "inside what it stands for"},
		"deep":             {strings.Repeat("[", 10) + strings.Repeat("]", 10), 1, "more than 6 levels"},
		"many documents":   {"a\n---\nb\n---\nc\n", 4, "more than 2 YAML documents"},
		"no YAML":          {"a: [\n", 0, "not YAML"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := manifest.Nodes([]byte(test.text), limits)
			var problem *manifest.Problem
			switch errors.As(err, &problem); {
			case test.says == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.says != "" && (problem == nil || problem.Line != test.line || !strings.Contains(problem.What, test.says)):
				t.Errorf("got %#v, want a problem in line %d that says %q", err, test.line, test.says)
			}
		})
	}
}
