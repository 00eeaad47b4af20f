package syntax

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/lexer"
)

// aliasBomb nests aliases so that the last line has width^depth values.
func aliasBomb(width, depth int) string {
	var s strings.Builder
	s.WriteString("a0: &a0 x\n")
	for i := 1; i <= depth; i++ {
		fmt.Fprintf(&s, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), width), ", "))
	}
	return s.String()
}

// nestedKeys nests maps in block style.
func nestedKeys(depth int) string {
	var s strings.Builder
	for i := range depth {
		s.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return s.String()
}

// TestExpansionStops counts what an alias bomb costs.
func TestExpansionStops(t *testing.T) {
	for name, text := range map[string]string{"by width": "- &a [" + strings.Repeat("x, ", 3000) + "]\n" + strings.Repeat("- *a\n", 90), "by depth": aliasBomb(9, 9)} {
		r := NewReport("slipway.yaml")
		tokens, ok := scan(r, []byte(text))
		if !ok {
			t.Fatalf("%s: %v", name, r.Err())
		}
		file, err := parse(tokens)
		if err != nil {
			t.Fatal(err)
		}
		tr := newTree(r)
		tr.node(body(r, file), Slot{}, 1)
		if !tr.stopped || tr.nodes > MaxNodes+len(tokens) || tr.aliases > MaxAliases+1 {
			t.Errorf("%s: stopped %v after %d values and %d aliases", name, tr.stopped, tr.nodes, tr.aliases)
		}
	}
}

// TestDepthIsBounded compares the estimate that protects the parser's stack
// with texts whose depth is known.
func TestDepthIsBounded(t *testing.T) {
	tests := map[string]struct {
		text string
		deep bool
	}{
		"block at the limit":   {nestedKeys(MaxDepth), false},
		"block beyond":         {nestedKeys(MaxDepth + 1), true},
		"flow at the limit":    {strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), false},
		"flow beyond":          {strings.Repeat("[", MaxDepth+1), true},
		"many in a row":        {strings.Repeat("a: [b]\n", 500), false},
		"siblings":             {strings.Repeat("a:\n  b:\n    c: d\n", 500), false},
		"dashes beside keys":   {strings.Repeat("a:\n- b: c\n  d: e\n", 500), false},
		"text that looks deep": {"a: \"" + strings.Repeat("[", 100) + "\"\nb: |\n  " + strings.Repeat("- ", 100) + "\n", false},
	}
	for name, test := range tests {
		if _, deep := tooDeep(lexer.Tokenize(test.text)); deep != test.deep {
			t.Errorf("%s: too deep %v, want %v", name, deep, test.deep)
		}
	}
}
